//! Whether a vault would take a backup now.

use bbws::{
    adapters::sandbox::aws::world::backup::Lock,
    domain::{moment::Moment, step},
    ports::cloud::Progress,
};

use super::{
    backups::poll,
    bed::{Bed, HOME, START},
};

async fn verified(bed: &Bed, vault: &str) -> Progress {
    let what = step::VerifyVault { region: HOME.into(), vault: vault.into(), retention_days: 30 };
    poll(bed, &bed.call(0, what.into())).await.expect("AWS answers")
}

fn refuted(progress: Progress) -> String {
    match progress {
        Progress::Refuted { reason, .. } => reason,
        other => panic!("not refuted: {other:?}"),
    }
}

#[tokio::test]
async fn a_vault_is_there_and_its_key_can_be_used() {
    let bed = Bed::new();
    match verified(&bed, "bbws-prod").await {
        Progress::Done { detail, .. } => {
            assert!(detail.contains("30 days") && detail.contains("key usable"), "{detail}")
        }
        other => panic!("{other:?}"),
    }
    assert!(refuted(verified(&bed, "bbws-elsewhere").await).contains("bbws-elsewhere"));
    let account = bed.environment.account.clone();
    bed.aws.change(|world, _| {
        let place = world.region(&account, HOME);
        let key = place.backup.vaults["bbws-prod"].key.clone();
        assert!(place.kms.set_enabled(&key, false));
    });
    let reason = refuted(verified(&bed, "bbws-prod").await);
    assert!(reason.contains("Nothing can be backed up into vault bbws-prod"), "{reason}");
    assert_eq!(bed.aws.effects(), 0, "it only looks");
}

#[tokio::test]
async fn what_locks_a_vault_is_shown_and_since_when_nobody_can_lift_it() {
    let bed = Bed::new();
    let account = bed.environment.account.clone();
    let shown = async |lock: Lock| {
        bed.aws.change(|world, _| {
            let vault = world.region(&account, HOME).backup.vaults.get_mut("bbws-prod").unwrap();
            (vault.locked, vault.lock) = (true, lock);
        });
        match verified(&bed, "bbws-prod").await {
            Progress::Done { detail, .. } => detail,
            other => panic!("{other:?}"),
        }
    };
    let open = Lock::default();
    assert!(shown(open).await.contains("locked by a governance lock, which can be lifted, key usable"));
    let grace = Lock { from: Some(START + std::time::Duration::from_secs(86_400)), min_days: Some(7), ..open };
    let said = shown(grace).await;
    assert!(
        said.contains("can be lifted until 2026-11-22T03:00:00Z and never after and keeps at least 7 days"),
        "{said}"
    );
    let said = shown(Lock { from: Some(Moment(0)), min_days: Some(7), max_days: Some(400) }).await;
    assert!(said.contains("nobody can lift since 1970-01-01T00:00:00Z and keeps 7 to 400 days"), "{said}");
}
