//! What the SDK calls and what is logged, on one thread and for as long as a test wants to know.
//!
//! One subscriber serves the whole binary: tracing caches per call site whether anybody listens, and subscribers that come
//! and go while other tests run would miss calls.

use std::{cell::RefCell, collections::BTreeSet, fmt, io, marker::PhantomData, sync::Once};

use tracing::{Subscriber, field, span};
use tracing_subscriber::{
    Layer,
    filter::dynamic_filter_fn,
    fmt::MakeWriter,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
};

/// Calls as `RDS.CreateDBSnapshot`, and everything that was logged down to TRACE.
#[derive(Debug, Default)]
pub struct Watched {
    pub calls: BTreeSet<String>,
    pub log: Vec<u8>,
}

thread_local! {
    static WATCHED: RefCell<Option<Watched>> = const { RefCell::new(None) };
}

/// Puts the subscriber in place; before the first call of the SDK.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let watching = dynamic_filter_fn(|_, _| WATCHED.with_borrow(Option::is_some));
        let log = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(Log).with_filter(watching);
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Calls).with(log))
            .expect("it is the only subscriber");
    });
}

/// Begins to watch this thread.
pub fn start() -> Watch {
    WATCHED.set(Some(Watched::default()));
    Watch(PhantomData)
}

/// Watching this thread; it cannot leave it.
pub struct Watch(PhantomData<*const ()>);

impl Watch {
    /// Ends, and tells what was seen.
    pub fn stop(self) -> Watched {
        WATCHED.take().expect("it was started")
    }
}

struct Calls;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Calls {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, _: &span::Id, _: Context<'_, S>) {
        let mut names = Names::default();
        attributes.record(&mut names);
        if let (Some(service), Some(method)) = (names.service, names.method) {
            WATCHED.with_borrow_mut(|watched| watched.as_mut().map(|w| w.calls.insert(format!("{service}.{method}"))));
        }
    }
}

#[derive(Default)]
struct Names {
    service: Option<String>,
    method: Option<String>,
}

impl field::Visit for Names {
    fn record_str(&mut self, field: &field::Field, value: &str) {
        match field.name() {
            "rpc.service" => self.service = Some(value.to_owned()),
            "rpc.method" => self.method = Some(value.to_owned()),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &field::Field, _: &dyn fmt::Debug) {}
}

struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        WATCHED.with_borrow_mut(|watched| watched.as_mut().map(|w| w.log.extend_from_slice(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        Log
    }
}
