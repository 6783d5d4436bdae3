//! The AWS of `bbws demo` from outside: the AWS CLI and boto3, as whoever plays with the demo would use them.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use bbws::config::Config;
use serde_json::Value;

const REGION: &str = "af-south-1";
/// Nothing here takes so long, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running demo; killed when dropped.
struct Demo {
    child: Child,
    /// Where its AWS is.
    aws: String,
}

impl Demo {
    /// Five minutes pass in a second; its AWS is wherever there is room.
    fn start() -> Demo {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bbws"))
            .args(["demo", "--listen", "127.0.0.1:0", "--aws", "127.0.0.1:0", "--speed", "300"])
            // As a person starts it, and not cargo.
            .env_remove("RUST_MIN_STACK")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("bbws starts");
        let mut out = BufReader::new(child.stdout.take().expect("its output is piped"));
        let told = out.by_ref().lines().map_while(Result::ok).find_map(|line| {
            let (_, address) = line.split_once("--endpoint-url=")?;
            address.split_whitespace().next().map(str::to_owned)
        });
        // What it says goes on being read by somebody.
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        Demo { child, aws: told.expect("bbws says where its AWS is") }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn python() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv/bin")
}

/// The AWS CLI on one AWS, as one account.
struct Cli<'d> {
    demo: &'d Demo,
    account: String,
}

impl Cli<'_> {
    /// Runs a command; what it answers, where it answers JSON.
    fn run(&self, arguments: &[&str]) -> Value {
        let mut command = Command::new(python().join("aws"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
            command.env_remove(name);
        }
        let answer = command
            .args(["--endpoint-url", &self.demo.aws, "--region", REGION, "--output", "json"])
            .args(arguments)
            .env("AWS_ACCESS_KEY_ID", &self.account)
            .env("AWS_SECRET_ACCESS_KEY", "any")
            .env("AWS_CONFIG_FILE", "/nonexistent")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
            .env("AWS_PAGER", "")
            .output()
            .expect("target/venv has the AWS CLI; `tests/run` installs it");
        let text = String::from_utf8_lossy(&answer.stdout);
        assert!(answer.status.success(), "aws {arguments:?}: {text}{}", String::from_utf8_lossy(&answer.stderr));
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Asks again until the answer holds what is looked for.
    fn until(&self, arguments: &[&str], look: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = self.run(arguments);
            if look(&answer) {
                return answer;
            }
            assert!(Instant::now() < end, "waited in vain: aws {arguments:?} says {answer}");
        }
    }
}

#[test]
fn the_aws_cli_and_boto3_work_on_the_aws_of_the_demo() {
    let demo = Demo::start();
    let prod = &Config::demo().environments["prod"];
    let files = prod.file_system_arn(&prod.file_systems[0].id);
    let (database, bucket) = (prod.databases[0].id.as_str(), prod.secrets_bucket.as_deref().expect("it has one"));
    let cli = Cli { demo: &demo, account: prod.account.clone() };
    assert_eq!(cli.run(&["sts", "get-caller-identity"])["Account"], prod.account.as_str());

    let named = ["--db-snapshot-identifier", "by-hand"];
    let made = ["rds", "create-db-snapshot", "--db-instance-identifier", database, named[0], named[1]];
    assert_eq!(cli.run(&made)["DBSnapshot"]["DBInstanceIdentifier"], database);
    let described = cli.until(&["rds", "describe-db-snapshots", named[0], named[1]], |answer| {
        answer["DBSnapshots"][0]["Status"] == "available"
    });
    assert_eq!(described["DBSnapshots"][0]["Encrypted"], true, "{described}");

    let started = cli.run(&[
        "backup",
        "start-backup-job",
        "--backup-vault-name",
        &prod.vault,
        "--resource-arn",
        &files,
        "--iam-role-arn",
        &prod.backup_role,
    ]);
    let point = &started["RecoveryPointArn"];
    assert!(point.is_string(), "{started}");
    let list = ["backup", "list-recovery-points-by-backup-vault", "--backup-vault-name", prod.vault.as_str()];
    cli.until(&list, |answer| {
        let points = answer["RecoveryPoints"].as_array().expect("a list");
        points.iter().any(|found| found["RecoveryPointArn"] == *point && found["Status"] == "COMPLETED")
    });

    let directory = tempfile::tempdir().expect("a directory");
    let (note, read) = (directory.path().join("note"), directory.path().join("read"));
    std::fs::write(&note, "the AWS CLI was here").expect("it can be written");
    let place = ["--bucket", bucket, "--key", "by-hand/cli.txt"];
    let path = |path: &Path| path.to_str().expect("it is text").to_owned();
    cli.run(&[&["s3api", "put-object", "--body", &path(&note)], &place[..]].concat());
    cli.run(&[&["s3api", "get-object"], &place[..], &[&path(&read)]].concat());
    assert_eq!(std::fs::read_to_string(&read).expect("it was written"), "the AWS CLI was here");
    // The same by the commands that people use, which list and copy in parts.
    let address = format!("s3://{bucket}/by-hand/copied.txt");
    cli.run(&["s3", "cp", &path(&note), &address]);
    cli.run(&["s3", "cp", &address, &path(&read)]);

    let told = Command::new(python().join("python"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/serve/console.py"))
        .args([&demo.aws, &prod.account, REGION, &prod.vault, &prod.backup_role, &files, bucket, database])
        .output()
        .expect("target/venv has boto3; `tests/run` installs it");
    let text = String::from_utf8_lossy(&told.stdout);
    let lines: Vec<&str> = text.lines().collect();
    let expected = [&format!("snapshot {database} True"), "point EFS", "object boto3 was here"];
    assert_eq!(lines, expected, "{}", String::from_utf8_lossy(&told.stderr));
}
