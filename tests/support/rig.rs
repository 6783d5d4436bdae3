//! A whole bbws without sockets: the real use cases, engine and ledger, over simulated AWS, Slack and time. Its process can die and be started again.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bbws::{
    adapters::{
        aws::AwsCloud,
        sandbox::aws::{SimAws, attributed::Attributed},
        store::Ledger,
    },
    app::{
        addresses::Addresses,
        announce::Announcer,
        authority::Authority,
        desk::{Desk, Inner},
        executors::Executors,
        inbound::{Envelope, Inbound, Inbox, Via},
        planner::Planner,
        timer::Timer,
        wake::Wake,
        watch::{EVERY, Watcher},
    },
    boot::sandbox,
    config::Config,
    domain::{
        active::Active,
        environment::Environment,
        mark::Mark,
        moment::Moment,
        operation::{OpId, Run, State},
        operations,
        run::Pacing,
        step::Remember,
    },
    engine::Engine,
    ports::{
        chat::Reply,
        clock::Clock,
        store::{Commit, Filter, MarkWrite, Store},
    },
};
use secrecy::SecretString;

use super::{
    chat::FakeChat,
    clock::ManualClock,
    kill::{Killer, MortalAlerts, MortalChat, MortalCloud, MortalStore},
    measurements::Dictated,
};

/// One life of the process.
pub struct Process {
    /// When it dies.
    pub killer: Arc<Killer>,
    /// Requests go in here.
    pub desk: Desk,
    /// Runs operations.
    pub engine: Engine,
    /// Tells.
    pub announcer: Announcer,
    /// Watches, when it is told to.
    pub watcher: Watcher,
    /// Starts what is due, when it is told to.
    pub timer: Timer,
    /// Its view of the ledger.
    pub store: Arc<dyn Store>,
    /// Its adapter of AWS, with the work it does by itself.
    pub aws: Arc<AwsCloud>,
}

/// The world around it, which survives.
pub struct Rig {
    /// Time.
    pub clock: Arc<ManualClock>,
    /// AWS, behind the wire.
    pub cloud: Arc<SimAws>,
    /// The real adapter that every process has over it.
    pub adapter: Arc<AwsCloud>,
    /// AWS as processes see it: measurements can be dictated.
    pub seen: Arc<Dictated>,
    /// Slack.
    pub chat: Arc<FakeChat>,
    /// Database.
    pub ledger: Arc<Ledger>,
    /// Config.
    pub config: Config,
    /// Account the processes are at home in.
    home: String,
    /// The process that runs now.
    pub process: Process,
    /// An embedded database, whose only process breaks every lease when it starts.
    pub embedded: bool,
    /// Where processes of this life died, for messages of tests.
    pub died: Vec<String>,
    since: Moment,
    requests: u64,
    seed: u64,
}

impl Rig {
    /// On this ledger.
    pub fn new(ledger: Arc<Ledger>, clock: Arc<ManualClock>, config: Config, seed: u64) -> Rig {
        let (config, home) = sandbox::at_home(config);
        let (cloud, adapter) = aws(&config, &home, &clock, seed);
        let seen = Arc::new(Dictated::new(adapter.clone(), clock.clone()));
        let chat = Arc::new(FakeChat::new());
        let process = start(&ledger, &adapter, &seen, &chat, &clock, &config, Killer::never());
        Rig {
            clock,
            cloud,
            adapter,
            seen,
            chat,
            ledger,
            config,
            home,
            process,
            embedded: true,
            died: Vec::new(),
            since: Moment(0),
            requests: 0,
            seed,
        }
    }

    /// On a fresh in-memory SQLite and the example config.
    pub async fn sqlite() -> Rig {
        Rig::sqlite_with(7).await
    }

    /// On a fresh in-memory SQLite and the config of the demo, which declares every kind of data.
    pub async fn demo_sqlite() -> Rig {
        let clock = ManualClock::new();
        let ledger = super::db::sqlite(clock.clone()).await;
        Rig::new(ledger, clock, unscheduled(Config::demo()), 7)
    }

    /// On a fresh PostgreSQL database and the config of the demo.
    pub async fn demo_postgres() -> Rig {
        let clock = ManualClock::new();
        let ledger = super::db::postgres(clock.clone()).await;
        Rig { embedded: false, ..Rig::new(ledger, clock, unscheduled(Config::demo()), 7) }
    }

    /// The same, with another seed for what AWS does.
    pub async fn sqlite_with(seed: u64) -> Rig {
        let clock = ManualClock::new();
        let ledger = super::db::sqlite(clock.clone()).await;
        Rig::new(ledger, clock, Config::example(), seed)
    }

    /// On a fresh PostgreSQL database and the example config.
    pub async fn postgres() -> Rig {
        let clock = ManualClock::new();
        let ledger = super::db::postgres(clock.clone()).await;
        Rig { embedded: false, ..Rig::new(ledger, clock, Config::example(), 7) }
    }

    /// A new AWS and a new Slack, and an empty environment; the ledger keeps its history, as a real one does.
    pub async fn fresh(&mut self) {
        self.seed += 1;
        self.clock.advance(Duration::from_secs(3600));
        (self.cloud, self.adapter) = aws(&self.config, &self.home, &self.clock, self.seed);
        self.seen = Arc::new(Dictated::new(self.adapter.clone(), self.clock.clone()));
        self.chat = Arc::new(FakeChat::new());
        self.process = self.another(Killer::never());
        self.since = self.clock.now();
        self.died.clear();
    }

    /// The ledger remembers that prod runs there, as a failover's step makes it.
    pub async fn runs(&self, active: &Active) {
        let Remember { mark: kind, subject, note } = active.remember();
        let (environment, operation, at) = ("prod".to_owned(), "dr-1".to_owned(), self.clock.now());
        let mark = Mark { environment, kind, subject, note, operation, at };
        self.ledger.commit(Commit { marks: vec![MarkWrite::Set(mark)], ..Commit::default() }).await.unwrap();
    }

    /// Who holds an environment.
    pub async fn ledger_holder(&self, environment: &str) -> Option<OpId> {
        self.ledger.holder(environment).await.expect("the ledger answers")
    }

    /// The newest operation since the world was made fresh.
    pub async fn newest(&self) -> Option<String> {
        let newest = self.ledger.list(&Filter { limit: 1, ..Filter::default() }).await.expect("the ledger answers");
        newest.first().filter(|op| op.created >= self.since).map(|op| op.id.0.clone())
    }

    /// The process is gone; another one starts.
    pub async fn reboot(&mut self, killer: Arc<Killer>) {
        self.process = self.another(killer);
        if self.embedded {
            let _ = self.process.store.break_leases().await;
        }
        let _ = self.process.desk.sweep().await;
    }

    /// Where the process is dead, another one takes over when its lease has run out, and the next where that one dies.
    pub async fn revive(&mut self) {
        while self.process.killer.dead() {
            self.died.extend(self.process.killer.died_at());
            self.clock.advance(Duration::from_secs(61));
            self.reboot(self.process.killer.heir()).await;
            self.settle(Duration::from_secs(2)).await;
        }
    }

    /// One more process over the same world, such as a second replica.
    pub fn another(&self, killer: Arc<Killer>) -> Process {
        start(&self.ledger, &self.adapter, &self.seen, &self.chat, &self.clock, &self.config, killer)
    }

    /// Lets the watcher look at what is due, and tells what comes of it.
    pub async fn watch(&mut self) {
        let _ = self.process.watcher.turn().await;
        self.settle(Duration::from_secs(5)).await;
    }

    /// Watches for so much simulated time.
    pub async fn watch_for(&mut self, time: Duration) {
        let end = self.clock.now() + time;
        while self.clock.now() < end && !self.process.killer.dead() {
            self.watch().await;
            let next = self.process.watcher.next().min(end);
            self.clock.set(next);
        }
    }

    /// A request as the front hands it in, from #general.
    pub fn envelope(&mut self, user: &str, via: Via, what: Inbound) -> Envelope {
        self.requests += 1;
        Envelope {
            id: format!("{:064x}", self.requests),
            via,
            user: user.to_owned(),
            team: "T0BBWS".to_owned(),
            channel: "C0GENERAL".to_owned(),
            thread: None,
            at: self.clock.now(),
            what,
        }
    }

    /// Types a command. `None`: no answer reached the person.
    pub async fn command(&mut self, user: &str, text: &str) -> Option<Reply> {
        let envelope = self.envelope(user, Via::Command, Inbound::Command { text: text.to_owned() });
        self.process.desk.take(envelope).await.ok().flatten()
    }

    /// Types a command in Slack itself, which gives something to open a form with.
    pub async fn typed(&mut self, user: &str, text: &str) -> Option<Reply> {
        let envelope = self.envelope(user, Via::Command, Inbound::Command { text: text.to_owned() });
        self.process.desk.triggered(&envelope.id, SecretString::from("1.2.trigger".to_owned()));
        self.process.desk.take(envelope).await.ok().flatten()
    }

    /// Types a command that must be answered.
    pub async fn say(&mut self, user: &str, text: &str) -> String {
        self.command(user, text).await.expect("an answer").text
    }

    /// Clicks a button on the operation's card as it is drawn now.
    pub async fn click(&mut self, user: &str, button: &str, id: &str) -> Option<Reply> {
        let envelope = self.pressed(user, button, id).await;
        self.process.desk.take(envelope).await.ok().flatten()
    }

    /// The same in Slack itself, which gives something to open a form with.
    pub async fn click_in_slack(&mut self, user: &str, button: &str, id: &str) -> Option<Reply> {
        let envelope = self.pressed(user, button, id).await;
        self.process.desk.triggered(&envelope.id, SecretString::from("1.2.trigger".to_owned()));
        self.process.desk.take(envelope).await.ok().flatten()
    }

    async fn pressed(&mut self, user: &str, button: &str, id: &str) -> Envelope {
        let run = self.run(id).await;
        let block_id = format!("bbws:{}", run.shown());
        let message_ts = run.op.card.as_ref().map(|c| c.ts.clone());
        let what = Inbound::Click {
            action: format!("bbws.{button}"),
            value: id.to_owned(),
            block_id: Some(block_id),
            message_ts,
            reason: None,
        };
        let mut envelope = self.envelope(user, Via::Interaction, what);
        if let Some(card) = run.op.card {
            envelope.channel = card.channel;
        }
        envelope
    }

    /// Hands in any click.
    pub async fn raw_click(&mut self, user: &str, what: Inbound) -> Option<Reply> {
        let envelope = self.envelope(user, Via::Interaction, what);
        self.process.desk.take(envelope).await.ok().flatten()
    }

    /// The record of an operation, past any death of the process.
    pub async fn run(&self, id: &str) -> Run {
        self.ledger.load(&OpId(id.to_owned())).await.expect("the ledger answers").expect("the operation exists")
    }

    /// Its state.
    pub async fn state(&self, id: &str) -> State {
        self.run(id).await.op.state
    }

    /// Works off what is due now. `false`: there was nothing.
    pub async fn step(&mut self) -> bool {
        let ran = self.process.engine.turn().await.unwrap_or(0);
        // Simulated time stands still meanwhile, so whatever goes on by itself is done before it moves.
        self.process.aws.settled().await;
        let told = self.process.announcer.turn().await.unwrap_or(0);
        ran + told > 0
    }

    /// Works for so much simulated time, skipping the stretches in which nothing is due. Ends early when the process dies.
    pub async fn settle(&mut self, time: Duration) {
        let end = self.clock.now() + time;
        for _ in 0..20_000 {
            if self.process.killer.dead() {
                return;
            }
            if self.step().await {
                continue;
            }
            match self.next_due().await {
                Some(next) if next <= end => self.clock.set(next.max(self.clock.now() + Duration::from_millis(1))),
                _ => return self.clock.set(end),
            }
        }
        panic!("the world does not come to rest");
    }

    /// Mutations that took place in AWS.
    pub fn mutations(&self) -> u32 {
        self.cloud.mutations().values().sum()
    }

    /// When something is due next.
    pub async fn next_due(&self) -> Option<Moment> {
        let run = self.ledger.next_wake().await.expect("the ledger answers");
        let notice = self.ledger.next_notice().await.expect("the ledger answers");
        [run, notice].into_iter().flatten().min()
    }

    /// Works until the operation is over or stuck, for at most a day, and then for the few seconds its last notices take.
    pub async fn finish(&mut self, id: &str) -> State {
        for _ in 0..1440 {
            let state = self.state(id).await;
            if state.terminal() || state == State::NeedsAttention || self.process.killer.dead() {
                break;
            }
            self.settle(Duration::from_secs(60)).await;
        }
        self.settle(Duration::from_secs(10)).await;
        self.state(id).await
    }

    /// Asks for a backup as Alice and approves it as Bob; answers its id.
    pub async fn approved_backup(&mut self, text: &str) -> String {
        let id = self.asked(text).await;
        self.click("U0BOB", "approve", &id).await;
        id
    }

    /// Asks for a backup as Alice; answers its id.
    pub async fn asked(&mut self, text: &str) -> String {
        let said = self.say("U0ALICE", text).await;
        id_in(&said)
    }
}

/// The same without a wish for anything that starts by itself, which nobody would have approved.
fn unscheduled(mut config: Config) -> Config {
    config.environments.values_mut().for_each(|environment| environment.schedules.clear());
    config
}

/// The first operation id in a text.
pub fn id_in(text: &str) -> String {
    find_id(text).unwrap_or_else(|| panic!("no operation id in: {text}"))
}

/// The first operation id in a text, if there is one.
pub fn find_id(text: &str) -> Option<String> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
        .find(|w| {
            w.len() > 3
                && w.is_char_boundary(3)
                && operations::ALL.into_iter().any(|operation| w.starts_with(&format!("{}-", operation.prefix())))
                && w[3..].chars().all(|c| c.is_ascii_digit())
        })
        .map(str::to_owned)
}

/// A simulated AWS and the real adapter over it, in simulated time: what hangs takes as long as it is waited for.
pub fn aws(config: &Config, home: &str, clock: &Arc<ManualClock>, seed: u64) -> (Arc<SimAws>, Arc<AwsCloud>) {
    let aws = Arc::new(SimAws::new(&config.environments, &config.topics, clock.clone(), seed));
    let passes = clock.clone();
    let sleep = aws.skipping(move |span| passes.advance(span));
    let adapter = Arc::new(sandbox::adapter(&aws, &config.topics, home, sleep));
    (aws, adapter)
}

/// A process over the surviving world.
pub fn start(
    ledger: &Arc<Ledger>,
    adapter: &Arc<AwsCloud>,
    seen: &Arc<Dictated>,
    chat: &Arc<FakeChat>,
    clock: &Arc<ManualClock>,
    config: &Config,
    killer: Arc<Killer>,
) -> Process {
    let store: Arc<dyn Store> = Arc::new(MortalStore { inner: ledger.clone(), killer: killer.clone() });
    let aws = Arc::new(adapter.again());
    let attributed = Arc::new(Attributed(aws.clone()));
    let seen = Arc::new(seen.over(attributed.clone()));
    let cloud_port = Arc::new(MortalCloud { inner: seen, killer: killer.clone() });
    let alerts = Arc::new(MortalAlerts { inner: attributed, killer: killer.clone() });
    let chat_port = Arc::new(MortalChat { inner: chat.clone(), killer: killer.clone() });
    let clock: Arc<dyn Clock> = clock.clone();
    let environments: BTreeMap<String, Arc<Environment>> =
        config.environments.iter().map(|(name, env)| (name.clone(), Arc::new(env.clone()))).collect();
    let authority =
        Arc::new(Authority::new(chat_port.clone(), clock.clone(), config.roles.clone(), config.slack.teams.clone()));
    let planner =
        Arc::new(Planner::new(environments.clone(), config.approvals.clone(), cloud_port.clone(), store.clone()));
    let limits = config.approval_limits;
    let wake = Arc::new(Wake::default());
    let watcher =
        Watcher::new(store.clone(), cloud_port.clone(), clock.clone(), environments.clone(), wake.clone(), EVERY);
    let addresses = Arc::new(Addresses::default());
    let desk = Desk::new(Inner {
        chat: chat_port.clone(),
        triggers: Default::default(),
        homes: Default::default(),
        store: store.clone(),
        authority: authority.clone(),
        planner: planner.clone(),
        clock: clock.clone(),
        wake,
        limits,
        ticket_pattern: regex_lite::Regex::new(&config.slack.ticket_pattern).expect("checked with the config"),
        ops_channel: config.slack.ops_channel.clone(),
        addresses: addresses.clone(),
        // Time is simulated; how busy this machine is must not decide what is answered.
        patience: Duration::from_secs(600),
        busy: Default::default(),
    });
    let engine = Engine {
        store: store.clone(),
        executors: Executors::new(cloud_port, chat_port.clone(), store.clone(), clock.clone(), environments.clone()),
        planner,
        authority: authority.clone(),
        clock: clock.clone(),
        owner: "test".to_owned(),
        // Fewer polls make nights shorter; what a poll may find does not depend on how often it is asked.
        pacing: Pacing { floor: Duration::from_secs(15), ceiling: Duration::from_secs(120) },
        limits,
        parallel: 1,
    };
    let announcer = Announcer {
        store: store.clone(),
        chat: chat_port,
        alerts,
        clock,
        environments,
        ops_channel: config.slack.ops_channel.clone(),
        authority,
        addresses,
        unseen: Default::default(),
    };
    let timer = Timer::new(desk.clone());
    Process { killer, desk, engine, announcer, watcher, timer, store, aws }
}
