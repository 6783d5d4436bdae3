//! AWS Backup with two full vaults, in a process of its own, and a client that lists them through `AwsCloud::points`.

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use axum::{Router, extract::Request, http::header, response::IntoResponse};
use bbws::{
    adapters::aws::{AwsCloud, session::loader},
    domain::{
        environment::Environment,
        point::{PointKind, PointQuery},
        topics::{TopicRegion, Topics},
    },
    ports::cloud::Cloud as _,
};

/// What AWS Backup gives at most.
const PAGE: usize = 1000;
/// What the client may grow by while it lists, in MB.
pub const MOST_MB: f64 = 100.0;

/// Serves `points` recovery points in each of two vaults until its input ends; prints its address first.
pub fn serve(points: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("\nhttp://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(move |request: Request| answer(request, points));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let _ = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await;
    });
}

async fn answer(request: Request, points: usize) -> impl IntoResponse {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let uri = request.uri();
    if uri.path() == "/calls" {
        return ([(header::CONTENT_TYPE, "text/plain")], CALLS.load(Ordering::SeqCst).to_string());
    }
    CALLS.fetch_add(1, Ordering::SeqCst);
    let vault = uri.path().split('/').nth(2).unwrap_or_default();
    let region = if vault.ends_with("-dr") { "eu-west-1" } else { "af-south-1" };
    let query: Vec<(String, String)> = serde_urlencoded::from_str(uri.query().unwrap_or_default()).unwrap();
    let get = |name: &str| query.iter().find(|(key, _)| key == name).and_then(|(_, value)| value.parse().ok());
    let body = match uri.path().contains("/recovery-points") {
        true => page(region, vault, get("nextToken").unwrap_or(0), get("maxResults").unwrap_or(100).min(PAGE), points),
        false => {
            format!(r#"{{"BackupVaultName":"{vault}","BackupVaultArn":"{}","Locked":false}}"#, vault_arn(region, vault))
        }
    };
    ([(header::CONTENT_TYPE, "application/json")], body)
}

fn vault_arn(region: &str, vault: &str) -> String {
    format!("arn:aws:backup:{region}:093646564004:backup-vault:{vault}")
}

/// A page in every field that AWS fills.
fn page(region: &str, vault: &str, from: usize, size: usize, points: usize) -> String {
    let mut body = String::from(r#"{"RecoveryPoints":["#);
    let arn = vault_arn(region, vault);
    let end = (from + size).min(points);
    for n in from..end {
        let comma = if n > from { "," } else { "" };
        let created = 1_700_000_000 + n * 600;
        write!(
            body,
            r#"{comma}{{"RecoveryPointArn":"arn:aws:backup:{region}:093646564004:recovery-point:5f0c2a6e-7e1d-4d55-9a11-{n:012x}",
"BackupVaultName":"{vault}","BackupVaultArn":"{arn}",
"ResourceArn":"arn:aws:elasticfilesystem:af-south-1:093646564004:file-system/fs-0900d0000000000{:02}","ResourceType":"EFS","ResourceName":"uploads",
"CreatedBy":{{"BackupPlanId":"8d3f2b9e-0000-4000-8000-1b2c3d4e5f60","BackupPlanArn":"arn:aws:backup:af-south-1:093646564004:backup-plan:8d3f2b9e-0000-4000-8000-1b2c3d4e5f60","BackupPlanVersion":"YjA4ZDQ2","BackupRuleId":"e2a1f6d8-0000-4000-8000-000000000000"}},
"IamRoleArn":"arn:aws:iam::093646564004:role/bbws-backup","Status":"COMPLETED","CreationDate":{created}.25,"CompletionDate":{}.5,"BackupSizeInBytes":{},
"CalculatedLifecycle":{{"DeleteAt":{}}},"Lifecycle":{{"DeleteAfterDays":30}},"EncryptionKeyArn":"arn:aws:kms:{region}:093646564004:key/0f0f0f0f-0000-4000-8000-000000000000","IsEncrypted":true,"IsParent":false,"VaultType":"BACKUP_VAULT"}}"#,
            n % 20,
            created + 300,
            1_073_741_824 + n,
            created + 30 * 86_400,
        )
        .unwrap();
    }
    let next = if end < points { format!(r#","NextToken":"{end}""#) } else { String::new() };
    write!(body, "]{next}}}").unwrap();
    body
}

/// The server as a child; it ends with this value.
pub struct Server {
    child: Child,
    pub address: String,
}

impl Server {
    /// Starts this very binary with arguments under which it calls [`serve`].
    pub fn start(arguments: &[&str]) -> Server {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // A test harness says things of its own first.
        let address =
            lines.map_while(Result::ok).find(|line| line.starts_with("http://")).expect("the server's address");
        Server { child, address }
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
pub async fn measure(address: &str, per_vault: usize) -> Measured {
    let credentials = Credentials::new("test", "test", None, None, "test");
    let config = loader()
        .endpoint_url(address)
        .region(aws_config::Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .load()
        .await;
    let topics = ["backup-status", "ops-warning", "ops-critical", "dr-events"].map(str::to_owned);
    let [backup_status, ops_warning, ops_critical, dr_events] = topics;
    let region = TopicRegion::Dr;
    let cloud =
        AwsCloud::with(Topics { backup_status, ops_warning, ops_critical, dr_events, region, push: None }, config);
    let mut environment: Environment = toml::from_str(
        "account = '093646564004'\nprimary_region = 'af-south-1'\ndr_region = 'eu-west-1'\nreplication = 'enabled'\n\
         retention_days = { min = 7, default = 30, max = 30 }\nrpo = '1h'\nrto = '4h'\nvault = 'bbws-prod'\n\
         dr_vault = 'bbws-prod-dr'\nbackup_role = 'arn:aws:iam::093646564004:role/bbws-backup'",
    )
    .unwrap();
    environment.name = "prod".to_owned();
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
    let unread = cloud.points(&environment, &query, "U0ALICE", &mut page).await.unwrap().unread;
    let time = started.elapsed();
    assert!(unread.is_empty(), "{unread:?}");
    let grown_mb = memory("VmHWM:") - before;
    let minimum = 2 * (1 + per_vault.div_ceil(PAGE) as u64);
    Measured { points, largest_page, calls: calls(address), minimum, time, grown_mb }
}

fn calls(address: &str) -> u64 {
    use std::io::Write as _;
    let mut stream = std::net::TcpStream::connect(address.trim_start_matches("http://")).unwrap();
    stream.write_all(b"GET /calls HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.rsplit("\r\n\r\n").next().unwrap().trim().parse().unwrap()
}

fn memory(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
}
