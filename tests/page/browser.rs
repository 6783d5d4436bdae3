//! A headless Chromium behind a chromedriver of its own, both gone when the test is over.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, header};
use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use http_body_util::BodyExt;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Map, Value, json};

/// How long anything on the page may take to appear.
const PATIENCE: Duration = Duration::from_secs(20);
/// A run of half an hour in a world in which five minutes pass in a second, on a machine that may be busy.
const RUN: Duration = Duration::from_secs(120);

/// The process, killed with everything it started when dropped.
struct Driver {
    child: Child,
    port: u16,
}

impl Driver {
    fn start() -> Self {
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts; on Debian: apt-get install chromium chromium-driver");
        let out = child.stdout.take().expect("its output is piped");
        let port = BufReader::new(out)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                line.strip_prefix("ChromeDriver was started successfully on port ")?.trim_end_matches('.').parse().ok()
            })
            .expect("chromedriver names its port");
        Self { child, port }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A browser window on the page.
pub struct Browser {
    /// The WebDriver session, for what this wrapper does not do.
    pub client: Client,
    driver: Driver,
}

/// The size and kind of screen.
#[derive(Clone, Copy)]
pub enum Screen {
    /// 1280 by 800, a mouse.
    Desktop,
    /// 390 by 844, two device pixels a point, touch.
    Phone,
}

impl Browser {
    /// Runs a scenario; the browser is closed whether or not it holds, and the page must not have complained.
    pub async fn drive<F, Fut>(screen: Screen, scenario: F)
    where
        F: FnOnce(Browser) -> Fut,
        Fut: Future<Output = Browser> + Send + 'static,
    {
        let browser = Self::open(screen).await;
        let client = browser.client.clone();
        let done = tokio::spawn(scenario(browser)).await;
        let complaints = match &done {
            Ok(browser) => browser.complaints().await,
            Err(_) => Vec::new(),
        };
        let _ = client.close().await;
        if let Err(failed) = done {
            std::panic::resume_unwind(failed.into_panic());
        }
        assert_eq!(complaints, Vec::<String>::new(), "the browser's console");
    }

    async fn open(screen: Screen) -> Self {
        let driver = Driver::start();
        let mut options = json!({
            "args": ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-dev-shm-usage", "--force-prefers-reduced-motion", "--hide-scrollbars", "--window-size=1280,943", "--lang=en-GB"],
        });
        if matches!(screen, Screen::Phone) {
            options["mobileEmulation"] =
                json!({"deviceMetrics": {"width": 390, "height": 844, "pixelRatio": 2.0, "touch": true}});
        }
        let mut wanted = Map::new();
        wanted.insert("goog:chromeOptions".into(), options);
        wanted.insert("goog:loggingPrefs".into(), json!({"browser": "ALL"}));
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(wanted)
            .connect(&driver.url())
            .await
            .expect("Chromium starts");
        Self { client, driver }
    }

    /// What the page wrote to its console at the level of an error: exceptions, refused scripts, missing files.
    async fn complaints(&self) -> Vec<String> {
        let session = self.client.session_id().await.ok().flatten().expect("the session is open");
        let request = Request::post(format!("{}/session/{session}/se/log", self.driver.url()))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(r#"{"type":"browser"}"#))
            .expect("a valid request");
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
        let response = http.request(request).await.expect("chromedriver answers");
        let body = response.into_body().collect().await.expect("a whole reply").to_bytes();
        let log: Value = serde_json::from_slice(&body).expect("chromedriver speaks JSON");
        let entries = log["value"].as_array().cloned().unwrap_or_default();
        // A 4xx the scenario provoked is logged too; the page itself shows those to the person.
        entries
            .iter()
            .filter(|e| e["level"] == "SEVERE" && e["source"] != "network")
            .map(|e| e["message"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// The first element that matches, as soon as it is there.
    pub async fn see(&self, css: &str) -> Element {
        let found = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await;
        found.unwrap_or_else(|error| panic!("{css} never appeared: {error}"))
    }

    /// The first element that matches the XPath, as soon as it is there.
    pub async fn find(&self, xpath: &str) -> Element {
        let found = self.client.wait().at_most(PATIENCE).for_element(Locator::XPath(xpath)).await;
        found.unwrap_or_else(|error| panic!("{xpath} never appeared: {error}"))
    }

    /// Waits until the script's expression holds.
    pub async fn until(&self, expression: &str) {
        let script = format!(
            "const done = arguments[arguments.length - 1]; const holds = () => {{ let ok = false; \
            try {{ ok = Boolean({expression}); }} catch {{ /* not yet */ }} \
            if (ok) done(true); else setTimeout(holds, 20); }}; holds();"
        );
        let waiting = self.client.execute_async(&script, vec![]);
        let done = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(matches!(done, Ok(Ok(_))), "never became true: {expression}");
    }

    /// Waits until the script's expression holds, for as long as a whole run may take.
    pub async fn comes(&self, expression: &str) {
        let script = format!(
            "const done = arguments[arguments.length - 1], begun = Date.now(); const holds = () => {{ let ok = false; \
            try {{ ok = Boolean({expression}); }} catch {{ /* not yet */ }} \
            if (ok || Date.now() - begun > 9000) done(ok); else setTimeout(holds, 50); }}; holds();"
        );
        let begun = Instant::now();
        while self.client.execute_async(&script, vec![]).await.expect("the script runs") != Value::Bool(true) {
            assert!(begun.elapsed() < RUN, "never became true: {expression}\n{}", self.log().await);
        }
    }

    /// Opens the drawer, or closes it.
    pub async fn drawer(&self) {
        self.client.execute("document.querySelector('#aws-toggle').click()", vec![]).await.expect("it can be clicked");
    }

    /// The value of the script's expression.
    pub async fn eval(&self, expression: &str) -> Value {
        self.client.execute(&format!("return {expression}"), vec![]).await.expect("the script runs")
    }

    /// Clicks the button with that text in the newest message that has one.
    pub async fn press(&self, label: &str) {
        let button = format!("(//div[@id='log']//button[normalize-space(text()[1])='{label}'])[last()]");
        self.find(&button).await.click().await.expect("the button can be clicked");
    }

    /// Acts as this person from now on.
    pub async fn become_user(&self, user: &str) {
        self.see(&format!(".persona[data-user={user}]")).await.click().await.expect("a persona can be clicked");
        self.see(&format!("body[data-me={user}]")).await;
    }

    /// Types a line into the command box and sends it.
    ///
    /// A form lies over everything until the app has answered it, which may be after the card has changed already.
    pub async fn say(&self, line: &str) {
        self.until("!document.querySelector('dialog[open]')").await;
        let input = self.see("#composer textarea").await;
        input.send_keys(line).await.expect("the box takes text");
        input.send_keys("\u{e007}").await.expect("Enter is taken");
    }

    /// The text of the message list.
    pub async fn log(&self) -> String {
        self.see("#log").await.text().await.expect("the list has text")
    }

    /// Saves a picture of the window where `BBWS_SCREENSHOTS` names a directory; otherwise does nothing.
    pub async fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("BBWS_SCREENSHOTS") else {
            return;
        };
        let bytes = self.client.screenshot().await.expect("a picture");
        std::fs::write(PathBuf::from(folder).join(format!("{name}.png")), bytes).expect("the picture is written");
    }
}
