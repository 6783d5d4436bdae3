//! A simulated AWS with two full vaults, in a process of its own, and a client that lists them through `AwsCloud::points`.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Lines, Write as _},
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use bbws::{
    adapters::{
        aws::{AwsCloud, session::loader},
        sandbox::aws::{
            SimAws, port,
            time::Timeline,
            world::{
                Tags,
                backup::{Lifecycle, Point},
            },
        },
    },
    domain::{
        environment::Environment,
        moment::Moment,
        point::{PointKind, PointQuery},
        topics::{TopicRegion, Topics},
    },
    ports::{clock::SystemClock, cloud::Cloud as _},
};

const ACCOUNT: &str = "093646564004";
/// What AWS Backup gives at most.
const PAGE: usize = 1000;
/// What the client may grow by while it lists, in MB.
pub const MOST_MB: f64 = 100.0;

/// Serves `points` recovery points in each of two vaults until its input ends; prints its address first, and after each line
/// of input how often it was called.
pub fn serve(points: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async move {
        let environment = environment();
        let environments = BTreeMap::from([(environment.name.clone(), environment)]);
        let aws = Arc::new(SimAws::new(&environments, &topics(), Arc::new(SystemClock), 1));
        aws.change(|world, _| {
            for region in ["af-south-1", "eu-west-1"] {
                let vaults = &mut world.region(ACCOUNT, region).backup.vaults;
                let vault = vaults.values_mut().next().unwrap();
                vault.points.extend((0..points).map(|n| point(region, &vault.key, n)));
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("\nhttp://{}", listener.local_addr().unwrap());
        tokio::spawn(port::serve(Arc::clone(&aws), listener, std::future::pending()));
        let answering = move || {
            for line in std::io::stdin().lines() {
                drop(line.unwrap());
                println!("{}", aws.requests());
            }
        };
        let _ = tokio::task::spawn_blocking(answering).await;
    });
}

/// One of many, in every field that AWS fills.
fn point(region: &str, key: &str, n: usize) -> (String, Point) {
    let arn = format!("arn:aws:backup:{region}:{ACCOUNT}:recovery-point:5f0c2a6e-7e1d-4d55-9a11-{n:012x}");
    let created = Moment(1_700_000_000_250) + Duration::from_secs(600 * n as u64);
    let point = Point {
        resource_arn: format!(
            "arn:aws:elasticfilesystem:af-south-1:{ACCOUNT}:file-system/fs-0900d0000000000{:02}",
            n % 20
        ),
        resource_type: "EFS".into(),
        course: Timeline::instant(created),
        created,
        size: 1_073_741_824 + i64::try_from(n).unwrap(),
        encrypted: true,
        key: key.to_owned(),
        lifecycle: Lifecycle { cold_after: None, delete_after: Some(10_000) },
        tags: Tags::new(),
        role: format!("arn:aws:iam::{ACCOUNT}:role/bbws-backup"),
        source_vault: None,
        message: None,
        status: None,
        continuous: false,
        deleting: None,
        sticks: false,
    };
    (arn, point)
}

fn environment() -> Environment {
    let mut environment: Environment = toml::from_str(
        "account = '093646564004'\nprimary_region = 'af-south-1'\ndr_region = 'eu-west-1'\nreplication = 'enabled'\n\
         retention_days = { min = 7, default = 30, max = 30 }\nrpo = '1h'\nrto = '4h'\nvault = 'bbws-prod'\n\
         dr_vault = 'bbws-prod-dr'\nbackup_role = 'arn:aws:iam::093646564004:role/bbws-backup'",
    )
    .unwrap();
    environment.name = "prod".to_owned();
    environment
}

fn topics() -> Topics {
    let topics = ["backup-status", "ops-warning", "ops-critical", "dr-events"].map(str::to_owned);
    let [backup_status, ops_warning, ops_critical, dr_events] = topics;
    Topics { backup_status, ops_warning, ops_critical, dr_events, region: TopicRegion::Dr, push: None }
}

/// The server as a child; it ends with this value.
pub struct Server {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    pub address: String,
}

impl Server {
    /// Starts this very binary with arguments under which it calls [`serve`].
    pub fn start(arguments: &[&str]) -> Server {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // A test harness says things of its own first.
        let address = lines.by_ref().map_while(Result::ok).find(|line| line.starts_with("http://"));
        Server { child, lines, address: address.expect("the server's address") }
    }

    /// How often it was called.
    fn calls(&mut self) -> u64 {
        self.child.stdin.as_mut().unwrap().write_all(b"?\n").unwrap();
        self.lines.next().unwrap().unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What listing took.
#[derive(Debug)]
pub struct Measured {
    pub points: usize,
    pub largest_page: usize,
    pub calls: u64,
    /// A description of each vault, and each of its pages once.
    pub minimum: u64,
    pub time: Duration,
    /// Growth of the process at its peak.
    pub grown_mb: f64,
}

impl Measured {
    /// What is wrong with it.
    pub fn verdict(&self, per_vault: usize) -> Result<(), String> {
        match self {
            m if m.points != 2 * per_vault => Err(format!("{} points of {}", m.points, 2 * per_vault)),
            m if m.calls != m.minimum => Err(format!("{} calls instead of {}", m.calls, m.minimum)),
            m if m.grown_mb >= MOST_MB => Err(format!("grew by {:.1} MB, {MOST_MB} MB is the most", m.grown_mb)),
            _ => Ok(()),
        }
    }
}

/// Lists both vaults.
pub async fn measure(server: &mut Server, per_vault: usize) -> Measured {
    let credentials = Credentials::new(ACCOUNT, "test", None, None, "test");
    let config = loader()
        .endpoint_url(&server.address)
        .region(aws_config::Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .load()
        .await;
    let cloud = AwsCloud::with(topics(), config);
    let query = PointQuery { kinds: vec![PointKind::Efs], ..PointQuery::default() };

    let before = memory("VmRSS:");
    // Forgets the peak so far.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let started = Instant::now();
    let (mut points, mut largest_page) = (0, 0);
    let mut page = |page: Vec<bbws::domain::point::Point>| {
        points += page.len();
        largest_page = largest_page.max(page.len());
    };
    let unread = cloud.points(&environment(), &query, "U0ALICE", &mut page).await.unwrap().unread;
    let time = started.elapsed();
    assert!(unread.is_empty(), "{unread:?}");
    let grown_mb = memory("VmHWM:") - before;
    let minimum = 2 * (1 + per_vault.div_ceil(PAGE) as u64);
    Measured { points, largest_page, calls: server.calls(), minimum, time, grown_mb }
}

fn memory(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
}
