//! Ends that are not good ones: nothing is completed, nobody is left running, no secret is left behind.

use std::{path::PathBuf, process::Command, sync::Arc, time::Duration};

use async_trait::async_trait;
use bbws::{
    adapters::archive::{ArchiveError, Part, PartPlan, PartSink, Source, Written, dump},
    domain::environment::Engine,
};
use tokio::sync::{Notify, Semaphore};

use crate::archive::bed::{End, Maria, Memory, MemorySink, Pg, Server, key, release};

/// More than all buffers between the program and the sink hold.
const MUCH_PG: &str = "CREATE TABLE much AS SELECT g, sha512(g::text::bytea) || sha512((-g)::text::bytea) AS b FROM generate_series(1, 100000) g";
const MUCH_MARIADB: &str = "CREATE TABLE much (b blob); INSERT INTO much SELECT RANDOM_BYTES(1000) FROM seq_1_to_20000";

/// Lets one part through and holds the next until it is told.
struct Gate {
    inner: MemorySink,
    passes: Arc<Semaphore>,
    waiting: Arc<Notify>,
}

#[async_trait]
impl PartSink for Gate {
    fn plan(&self) -> PartPlan {
        self.inner.plan()
    }

    async fn put(&mut self, part: Part) -> Result<(), ArchiveError> {
        if self.passes.available_permits() == 0 {
            self.waiting.notify_one();
        }
        self.passes.acquire().await.expect("it is open").forget();
        self.inner.put(part).await
    }

    async fn complete(&mut self, written: &Written) -> Result<(), ArchiveError> {
        self.inner.complete(written).await
    }

    async fn abort(&mut self) {
        self.inner.abort().await;
    }
}

/// A dump that stands still in the middle.
struct Held {
    memory: Memory,
    passes: Arc<Semaphore>,
    task: tokio::task::JoinHandle<Result<Written, ArchiveError>>,
}

impl Held {
    async fn start(source: Source) -> Held {
        let memory = Memory::small();
        let (passes, waiting) = (Arc::new(Semaphore::new(1)), Arc::new(Notify::new()));
        let gate = Gate { inner: memory.sink(), passes: passes.clone(), waiting: waiting.clone() };
        let mut task = tokio::spawn(async move { dump(&source, &key(7), gate, |_| ()).await });
        tokio::select! {
            () = waiting.notified() => {}
            ended = &mut task => panic!("it did not stand still: {ended:?}"),
        }
        Held { memory, passes, task }
    }
}

/// Processes of this one whose variables or command line have the word.
fn children(word: &str) -> Vec<u32> {
    let mine = std::process::id().to_string();
    let of = |pid: &u32| {
        let read = |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
        let stat = String::from_utf8_lossy(&read("stat")).into_owned();
        let mut fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        let (state, parent) = (fields.next(), fields.next());
        let all = [read("cmdline"), read("environ")].concat();
        state != Some("Z") && parent == Some(&mine) && all.windows(word.len()).any(|w| w == word.as_bytes())
    };
    let entries = std::fs::read_dir("/proc").expect("there is /proc").flatten();
    entries.filter_map(|e| e.file_name().to_str()?.parse().ok()).filter(of).collect()
}

async fn nobody_runs(word: &str) {
    for _ in 0..500 {
        if children(word).is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("still running: {:?}", children(word));
}

fn sources() -> impl AsyncFnOnce() -> [(Source, String, Box<dyn Send>); 2] {
    async || {
        let (pg, maria) = (Pg::new(MUCH_PG).await, Maria::new(MUCH_MARIADB).await);
        [
            (pg.source(), pg.database.clone(), Box::new(pg) as Box<dyn Send>),
            (maria.source(), maria.database.clone(), Box::new(maria)),
        ]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_killed_completes_nothing() {
    for (source, word, _keep) in sources()().await {
        let held = Held::start(source).await;
        let [pid] = children(&word)[..] else { panic!("one program for {word}: {:?}", children(&word)) };
        assert!(Command::new("kill").args(["-KILL", &pid.to_string()]).status().expect("kill runs").success());
        held.passes.add_permits(100_000);
        let error = held.task.await.expect("no panic").expect_err("the program was killed");
        assert!(
            error.to_string().contains("was killed") && error.to_string().contains("Nothing was stored"),
            "{error}"
        );
        assert_eq!(held.memory.end(), End::Aborted);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_is_dropped_kills_its_program_and_its_upload() {
    for (source, word, _keep) in sources()().await {
        let held = Held::start(source).await;
        assert_eq!(children(&word).len(), 1);
        held.task.abort();
        assert!(held.task.await.expect_err("it was dropped").is_cancelled());
        nobody_runs(&word).await;
        assert_eq!(held.memory.end(), End::Dropped);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_to_be_seen_while_a_dump_runs() {
    for (source, word, _keep) in sources()().await {
        let secret = secrecy::ExposeSecret::expose_secret(&source.password).to_owned();
        let held = Held::start(source).await;
        let [pid] = children(&word)[..] else { panic!("one program for {word}") };
        let mut seen = Vec::new();
        for name in ["cmdline", "environ"] {
            seen.extend(std::fs::read(format!("/proc/{pid}/{name}")).expect("it can be read"));
        }
        let seen = String::from_utf8_lossy(&seen).into_owned();
        assert!(!seen.contains(&secret), "the password is on the command line or in a variable");
        // Where the password was, there is nothing any more.
        let files = seen
            .split('\0')
            .filter_map(|word| word.split_once('='))
            .filter(|(k, _)| matches!(*k, "PGPASSFILE" | "--defaults-file"));
        let paths: Vec<PathBuf> = files.map(|(_, path)| path.into()).collect();
        assert_eq!(paths.len(), 1, "{seen}");
        assert!(!paths[0].exists() && !paths[0].parent().expect("a folder").exists(), "{paths:?}");
        held.task.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_fails_ends_the_program() {
    for (source, word, _keep) in sources()().await {
        let memory = Memory { refuse: Some(3), ..Memory::small() };
        let error = dump(&source, &key(7), memory.sink(), |_| ()).await.expect_err("the sink fails");
        assert_eq!(error, ArchiveError::Retryable("the sink is full".into()));
        assert_eq!(memory.end(), End::Aborted);
        nobody_runs(&word).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_beyond_the_limit_ends_with_a_sentence() {
    let pg = Pg::new(MUCH_PG).await;
    let memory = Memory { plan: PartPlan { first: 65536, firsts: 1, later: 131_072, most: 4 }, ..Memory::new() };
    let error = dump(&pg.source(), &key(7), memory.sink(), |_| ()).await.expect_err("it is too large");
    assert!(
        matches!(&error, ArchiveError::Permanent(why) if why.contains("458752 bytes") && why.contains("fewer schemas")),
        "{error}"
    );
    assert_eq!(memory.end(), End::Aborted);
    assert_eq!(PartPlan::S3.largest(), 2000 * (16 << 20) + 8000 * (64 << 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_that_fail_say_so_and_keep_the_password() {
    for (server, engine) in [(Server::postgres(), Engine::Postgres), (Server::mariadb(), Engine::Mariadb)] {
        let mut source = server.source(engine, &["nobody_has_this"]);
        source.database = Some("postgres".into());
        source.password = "hunter2-and-more".to_owned().into();
        let memory = Memory::new();
        let error = dump(&source, &key(7), memory.sink(), |_| ()).await.expect_err("the password is wrong").to_string();
        assert!(error.contains(&server.username) && error.contains("ended with status"), "{error}");
        assert!(!error.contains("hunter2") && !format!("{source:?}").contains("hunter2"), "{error}");
        assert_eq!(memory.end(), End::Aborted);

        source.port = 1;
        let error =
            dump(&source, &key(7), Memory::new().sink(), |_| ()).await.expect_err("nobody is there").to_string();
        assert!(error.contains("127.0.0.1:1"), "{error}");
    }
}

#[tokio::test]
async fn hostile_sources_start_nothing() {
    let good = Server { host: "db".into(), port: 1, username: "u".into(), password: "p".into() };
    let source = good.source(Engine::Mariadb, &["t"]);
    let bad = [
        Source { host: String::new(), ..source.clone() },
        Source { host: "/var/run/postgresql".into(), ..source.clone() },
        Source { host: "-x".into(), ..source.clone() },
        Source { host: "a\nssl=0".into(), ..source.clone() },
        Source { username: "a\nssl=0".into(), ..source.clone() },
        Source { password: "a\nssl=0".to_owned().into(), ..source.clone() },
        Source { schemas: vec![String::new()], ..source.clone() },
        Source { schemas: vec!["a\0b".into()], ..source.clone() },
        Source { ca: Some("/a\nb".into()), ..source.clone() },
        Source { server: release(Engine::Postgres), ..source.clone() },
    ];
    for source in bad {
        let memory = Memory::new();
        let error = dump(&source, &key(7), memory.sink(), |_| ()).await.expect_err("it is refused");
        assert!(matches!(error, ArchiveError::Permanent(_)), "{error}");
        assert_eq!(memory.end(), End::Aborted);
    }
}

/// A schema that looks like an option is one schema, and is not there.
#[tokio::test(flavor = "multi_thread")]
async fn schemas_are_never_options() {
    let maria = Maria::new("CREATE TABLE t (a int)").await;
    for name in ["--all-databases", "--result-file=/tmp/x", "-A"] {
        let source = maria.server.source(Engine::Mariadb, &[name]);
        let error = dump(&source, &key(7), Memory::new().sink(), |_| ()).await.expect_err("there is no such database");
        assert!(error.to_string().contains("Unknown database"), "{error}");
    }
}
