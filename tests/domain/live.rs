//! Which instance is live in the place of a database of the config.

use bbws::{
    config::Config,
    domain::{
        live::{Live, standing},
        mark::{Mark, MarkKind},
        moment::Moment,
    },
};

fn mark(note: &str) -> Mark {
    Mark {
        environment: "prod".into(),
        kind: MarkKind::Live,
        subject: "bbws-prod-mysql".into(),
        note: note.into(),
        operation: "rs-7".into(),
        at: Moment(0),
    }
}

#[test]
fn an_environment_as_it_stands_names_what_is_live_everywhere() {
    let prod = Config::demo().environments["prod"].clone();
    assert_eq!(standing(&prod, &[], None), None);
    let clone = "bbws-prod-mysql-restored-rs-7";
    let live = Live { instance: clone, before: "bbws-prod-mysql" };
    let note = live.note();
    assert_eq!(Live::read(&note), live);
    let env = standing(&prod, &[mark(&note)], None).expect("another one is live");
    assert_eq!((env.databases[0].id.as_str(), env.databases[0].name()), (clone, "bbws-prod-mysql"));
    assert!(env.databases[0].is_called(clone) && env.databases[0].is_called("BBWS-PROD-MYSQL"));
    assert_eq!(env.dumps[0].database, clone);
    assert_eq!(env.tenants["tenant-1"].database.as_deref(), Some(clone));
    assert!(env.checks.values().all(|check| check.database == clone));
    assert_eq!(standing(&prod, &[mark(&note)], Some("rs-7")), None, "for the operation itself as it was before");
    let back = Live { instance: "bbws-prod-mysql", before: clone }.note();
    assert_eq!(standing(&prod, &[mark(&back)], None), None, "the declared one is live again");
}
