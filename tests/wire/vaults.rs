//! Whether a vault would take a backup now.

use bbws::{domain::step, ports::cloud::Progress};

use super::{
    backups::poll,
    bed::{Bed, HOME},
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
