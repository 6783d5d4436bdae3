//! SNS as we know it from outside: a key, certificates, and envelopes signed as SNS signs them.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    sync::{Arc, Mutex, OnceLock},
};

use async_trait::async_trait;
use bbws::ports::fetch::{Fetch, FetchError};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, SigningKey as _, date_time_ymd};
use serde_json::{Map, Value, json};

/// Where the tests' clock stands: 2026-11-21T03:00:00Z.
pub const NOW: &str = "2026-11-21T03:00:00.000Z";
pub const TOPIC: &str = "arn:aws:sns:af-south-1:093646564004:bbws-backup-events";
pub const HOST: &str = "sns.af-south-1.amazonaws.com";
pub const CERTIFICATE: &str = "https://sns.af-south-1.amazonaws.com/SimpleNotificationService-0a1b2c3d4e5f.pem";
pub const TOKEN: &str = "2336412f37fb687f5d51e6e241d09c805a5a57b30d712f794cc5f6a988666d92768dd60a";

/// The `openssl` program, with this on its standard input; its standard output.
pub fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl runs; tests/run installs it (Debian package openssl)");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "openssl {arguments:?}");
    output.stdout
}

fn generated() -> String {
    let pem = openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], b"");
    String::from_utf8(pem).unwrap()
}

/// SNS's key, made once per process, since nothing else can make RSA keys here and it takes a while.
fn pem() -> &'static str {
    static PEM: OnceLock<String> = OnceLock::new();
    PEM.get_or_init(generated)
}

fn key_of(pem: &str) -> KeyPair {
    KeyPair::from_pem_and_sign_algo(pem, &PKCS_RSA_SHA256).unwrap()
}

/// SNS's key.
pub fn key() -> &'static KeyPair {
    static KEY: OnceLock<KeyPair> = OnceLock::new();
    KEY.get_or_init(|| key_of(pem()))
}

/// Somebody else's key.
pub fn foreign_key() -> KeyPair {
    key_of(&generated())
}

/// A certificate of this key for these names and years, as the document that SNS publishes.
pub fn certificate(key: &KeyPair, names: &[&str], years: (i32, i32)) -> Vec<u8> {
    let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = date_time_ymd(years.0, 1, 1);
    params.not_after = date_time_ymd(years.1, 1, 1);
    params.self_signed(key).unwrap().pem().into_bytes()
}

/// The certificate of the region, as it is when all is right.
pub fn good_certificate() -> Vec<u8> {
    certificate(key(), &["sns-signing.af-south-1.amazonaws.com", HOST], (2026, 2028))
}

/// A job's event as EventBridge writes it.
pub fn event() -> Value {
    json!({
        "version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "detail-type": "Backup Job State Change",
        "source": "aws.backup", "account": "093646564004", "time": "2026-11-21T02:59:59Z", "region": "af-south-1",
        "resources": [], "detail": { "backupJobId": "job-1", "state": "COMPLETED" },
    })
}

/// A message before it is signed; edit it, then [`signed`].
pub fn notification(message: &str) -> Map<String, Value> {
    let envelope = json!({
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Message": message,
        "Timestamp": NOW,
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE,
        "UnsubscribeURL": format!("https://{HOST}/?Action=Unsubscribe&SubscriptionArn={TOPIC}:c9135db0"),
    });
    object(envelope)
}

/// Asks to confirm a subscription at `url`.
pub fn subscription(kind: &str, url: &str) -> Map<String, Value> {
    let mut envelope = notification("You have chosen to subscribe to the topic.");
    envelope.remove("UnsubscribeURL");
    envelope.insert("Type".to_owned(), kind.into());
    envelope.insert("Token".to_owned(), TOKEN.into());
    envelope.insert("SubscribeURL".to_owned(), url.into());
    envelope
}

/// How SNS writes the address of a confirmation.
pub fn confirmation() -> String {
    format!("https://{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token={TOKEN}")
}

pub fn object(value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else { panic!("an object") };
    map
}

/// The text that SNS signs, written down independently of the product.
pub fn canonical(envelope: &Map<String, Value>) -> String {
    let names = match envelope["Type"].as_str().unwrap() {
        "Notification" => "Message MessageId Subject Timestamp TopicArn Type",
        _ => "Message MessageId SubscribeURL Timestamp Token TopicArn Type",
    };
    let present = names.split(' ').filter_map(|n| Some((n, envelope.get(n)?.as_str()?)));
    present.map(|(name, value)| format!("{name}\n{value}\n")).collect()
}

/// Adds SNS's signature.
pub fn signed(envelope: Map<String, Value>) -> Map<String, Value> {
    signed_by(key(), envelope)
}

/// Adds somebody's signature.
pub fn signed_by(key: &KeyPair, mut envelope: Map<String, Value>) -> Map<String, Value> {
    let signature = key.sign(canonical(&envelope).as_bytes()).unwrap();
    put_signature(&mut envelope, &signature);
    envelope
}

/// Adds the signature of version 1, which is SHA-1.
pub fn signed_with_sha1(mut envelope: Map<String, Value>) -> Map<String, Value> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(pem().as_bytes()).unwrap();
    let arguments = ["dgst", "-sha1", "-sign", file.path().to_str().unwrap()];
    let signature = openssl(&arguments, canonical(&envelope).as_bytes());
    put_signature(&mut envelope, &signature);
    envelope
}

fn put_signature(envelope: &mut Map<String, Value>, signature: &[u8]) {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    envelope.insert("Signature".to_owned(), STANDARD.encode(signature).into());
}

type Answer = Result<Vec<u8>, FetchError>;

/// SNS's web server.
#[derive(Default)]
pub struct Web {
    documents: Mutex<Vec<(String, Answer)>>,
    asked: Mutex<Vec<String>>,
}

impl Web {
    /// One that has the region's certificate and confirms subscriptions.
    pub fn new() -> Arc<Web> {
        let web = Web::default();
        web.put(CERTIFICATE, Ok(good_certificate()));
        web.put(&confirmation(), Ok(b"<ConfirmSubscriptionResponse/>".to_vec()));
        Arc::new(web)
    }

    /// From now on this is the answer at `url`.
    pub fn put(&self, url: &str, answer: Answer) {
        let mut documents = self.documents.lock().unwrap();
        documents.retain(|(known, _)| known != url);
        documents.push((url.to_owned(), answer));
    }

    /// What was asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Fetch for Web {
    async fn get(&self, url: &str, _: usize) -> Answer {
        self.asked.lock().unwrap().push(url.to_owned());
        let documents = self.documents.lock().unwrap();
        let found = documents.iter().find(|(known, _)| known == url).map(|(_, answer)| answer.clone());
        found.unwrap_or(Err(FetchError::Status(403)))
    }

    async fn status(&self, url: &str) -> Result<u16, FetchError> {
        match self.get(url, usize::MAX).await {
            Ok(_) => Ok(200),
            Err(FetchError::Status(status)) => Ok(status),
            Err(other) => Err(other),
        }
    }
}
