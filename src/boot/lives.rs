//! The lives of bbws in the demo: killed on the page, it starts again from what its ledger holds, as after a crash. What surrounds
//! it, AWS and Slack, goes on.

use std::{
    convert::Infallible,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use tokio::sync::watch;
use tower_service::Service as _;

use super::{Product, chain, stopped};
use crate::{
    adapters::{sandbox::mortal::Mortal, store::Ledger},
    ports::store::Store as _,
};

/// How long it stays dead, by this machine's clock: long enough to see that nothing answers.
const DEAD: Duration = Duration::from_secs(4);

/// The endpoints of whichever bbws lives.
#[derive(Clone, Default)]
pub(super) struct Lives(Arc<RwLock<Option<Router>>>);

impl Lives {
    /// Answers as the living bbws does; 503 where none lives.
    pub(super) fn router(&self) -> Router {
        let lives = self.clone();
        Router::new().fallback(async move |request: Request| lives.answer(request).await)
    }

    async fn answer(&self, request: Request) -> Response {
        let router = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        match router {
            Some(mut router) => router.call(request).await.unwrap_or_else(|never: Infallible| match never {}),
            None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        }
    }

    fn set(&self, router: Option<Router>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = router;
    }

    /// Lives `product`, and others like it after each death, until `stopping`.
    ///
    /// # Errors
    /// When another cannot be wired.
    pub(super) async fn run(
        &self,
        wire: impl Fn() -> Result<Product, String>,
        ledger: &Ledger,
        mortal: &Mortal,
        stopping: watch::Receiver<bool>,
    ) -> Result<(), String> {
        loop {
            let product = wire()?;
            self.set(Some(product.router.clone()));
            mortal.live();
            tokio::select! {
                () = product.run(stopping.clone()) => return Ok(()),
                () = mortal.killed() => {}
            }
            // Wherever it was, nothing of it is finished: its loops are dropped with it.
            self.set(None);
            drop(product);
            tracing::warn!("bbws was killed on the page; it starts again soon");
            tokio::select! {
                () = tokio::time::sleep(DEAD) => {}
                () = stopped(stopping.clone()) => return Ok(()),
            }
            ledger.break_leases().await.map_err(|e| format!("The ledger does not take writes: {}", chain(&e)))?;
        }
    }
}
