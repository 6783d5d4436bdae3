//! Rows merged back by primary key while others write, and taken back.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bbws::adapters::sql::{
    Servers,
    merge::{Bring, Hitch, Tenants as _},
};

use super::bed::{Bed, refused};

/// The accident, and what goes on after it.
const ACCIDENT: &str = "
    DELETE FROM {t}.wp_posts;
    DELETE FROM {t}.wp_terms;
    DELETE FROM {t}.wp_users WHERE id BETWEEN 10 AND 12;
    UPDATE {t}.wp_options SET option_value = 'edited' WHERE option_name = 'o1';
    INSERT INTO {t}.wp_options VALUES ('since', 9, 'x');
    INSERT INTO {t}.wp_users (user_login, user_email) VALUES ('user11', 'eleven');
";

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_gone_come_back_and_go_again() {
    for bed in Bed::both(200).await {
        let (schema, other) = (bed.tenant.schema.clone(), bed.other.clone());
        let others = bed.sums(&other).await;
        // In PostgreSQL posts of deleted users go with them; here all go anyway.
        bed.run(ACCIDENT).await;
        let broken = bed.sums(&schema).await;
        bed.stage(Bring::Missing).await.expect("it is staged");
        let found = bed.difference(Bring::Missing).await;
        assert_eq!(bed.sums(&schema).await, broken, "a difference changes nothing");
        let of = |table: &str| found.tables.iter().find(|t| t.table == table).cloned().expect("it is told");
        let users = of("wp_users");
        assert_eq!((users.vanished, users.came, users.taken, users.returning()), (3, 1, 1, 2));
        assert_eq!(users.ids.as_deref(), Some("10, 12"));
        assert_eq!((of("wp_options").changed, of("wp_options").came, of("wp_options").vanished), (1, 1, 0));
        assert_eq!(of("wp_terms").returning(), 40);
        // The post of the user who is held back stays away with its author, where a foreign key says so.
        let orphans = if bed.engine == bbws::domain::environment::Engine::Postgres { 1 } else { 0 };
        assert_eq!((of("wp_posts").vanished, of("wp_posts").orphaned), (200, orphans));
        assert_eq!((of("wp_postmeta").vanished, of("wp_postmeta").orphaned), (400, 2 * orphans));
        let order: Vec<&str> = found.tables.iter().map(|t| t.table.as_str()).collect();
        assert!(order.iter().position(|t| *t == "wp_posts") < order.iter().position(|t| *t == "wp_postmeta"));

        // Somebody writes all the time.
        let stop = Arc::new(AtomicBool::new(false));
        let writer = async {
            let mut written = 0;
            while !stop.load(Ordering::Relaxed) {
                written += 1;
                bed.run(&format!("INSERT INTO {{t}}.wp_options VALUES ('w{written}', 8, 'x'); INSERT INTO {{o}}.wp_options VALUES ('w{written}', 8, 'x')")).await;
            }
            written
        };
        let merging = async {
            let done = bed.merge(Bring::Missing, &found).await;
            stop.store(true, Ordering::Relaxed);
            done
        };
        let (done, written) = futures::future::join(merging, writer).await;
        let done = done.expect("it is merged");
        assert_eq!(done.count, 2 + 40 + (200 - orphans) + (400 - 2 * orphans), "{done:?}");
        assert!(done.issues.iter().any(|i| i.starts_with("wp_users: 1 rows held back")), "{done:?}");
        assert_eq!(bed.rows("{t}.wp_options", "blog = 8").await, written);
        assert_eq!(bed.rows("{t}.wp_options", "option_value = 'edited'").await, 1, "what differs stays");
        assert_eq!(bed.rows("{t}.wp_posts", "length > 0 AND score > 0").await, 200 - orphans);
        assert!(Servers.state(&bed.live, &bed.tenant).await.unwrap().merged);
        bed.run("DELETE FROM {o}.wp_options WHERE blog = 8").await;
        assert_eq!(bed.sums(&other).await, others);
        assert!(refused(bed.merge(Bring::Missing, &found).await).contains("merged by rs-7 already"));
        // The next number is a new one.
        bed.run("INSERT INTO {t}.wp_posts (post_title) VALUES ('next')").await;
        assert_eq!(bed.rows("{t}.wp_posts", "id = 201 AND post_title = 'next'").await, 1);

        // Back: what was changed since stays, and what rows written since hang on.
        bed.run("UPDATE {t}.wp_posts SET post_title = 'kept' WHERE id = 5; INSERT INTO {t}.wp_postmeta (post_id, meta_key) VALUES (6, 'since'); INSERT INTO {t}.wp_terms VALUES (99, 8, 'since')").await;
        Servers.clear(&bed.live, &bed.tenant).await.unwrap();
        let done = bed.merge_back().await.expect("it is taken back");
        let said = format!("{done:?}");
        assert!(said.contains("wp_posts: 1 rows were changed or deleted since"), "{said}");
        assert!(
            said.contains("wp_posts: 1 rows stay, because rows written since belong to them")
                || said.contains("wp_posts: 2 rows stay"),
            "{said}"
        );
        // 8 and its parents 4, 2, 1.
        assert!(said.contains("wp_terms: 4 rows stay"), "{said}");
        assert_eq!(bed.rows("{t}.wp_terms", "term_id IN (1, 2, 4, 8, 99)").await, 5);
        assert_eq!(bed.rows("{t}.wp_terms", "TRUE").await, 5);
        assert_eq!(bed.rows("{t}.wp_posts", "id IN (5, 6, 201)").await, 3);
        assert_eq!(bed.rows("{t}.wp_posts", "TRUE").await, 3);
        assert_eq!(bed.rows("{t}.wp_options", "blog = 8").await, written);
        assert_eq!(bed.sums(&other).await, others);
        assert!(refused(bed.merge_back().await).contains("already"));
        bed.leave().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_differ_get_their_old_values_and_lose_them_again() {
    for bed in Bed::both(60).await {
        let bed = bed.of(&["wp_options", "wp_users", "wp_posts"]);
        let schema = bed.tenant.schema.clone();
        let good = bed.sums(&schema).await;
        bed.run("UPDATE {t}.wp_options SET option_value = NULL; UPDATE {t}.wp_posts SET score = -1, rating = NULL WHERE id > 30; DELETE FROM {t}.wp_options WHERE blog = 2").await;
        bed.run("UPDATE {t}.wp_users SET user_login = 'swapped' WHERE id = 3; INSERT INTO {t}.wp_users (user_login, user_email) VALUES ('user3', 'three')").await;
        let broken = bed.sums(&schema).await;
        bed.stage(Bring::Changed).await.expect("it is staged");
        let found = bed.difference(Bring::Changed).await;
        let of = |table: &str| found.tables.iter().find(|t| t.table == table).cloned().expect("it is told");
        assert_eq!((of("wp_options").changed, of("wp_options").vanished), (67, 33));
        assert!(of("wp_posts").changed >= 30, "{found:?}");
        let done = bed.merge(Bring::Changed, &found).await.expect("it is merged");
        assert!(done.issues.iter().any(|i| i.starts_with("wp_users: 1 rows held back")), "{done:?}");
        let merged = bed.sums(&schema).await;
        assert_ne!(merged, good, "user3 is another one now");
        for table in ["wp_options", "wp_posts", "wp_terms"] {
            let of = |all: &str| all.lines().find(|line| line.starts_with(table)).map(str::to_owned);
            assert_eq!(of(&merged), of(&good), "{table}");
        }
        let done = bed.merge_back().await.expect("it is taken back");
        assert!(done.issues.is_empty(), "{done:?}");
        assert_eq!(bed.sums(&schema).await, broken);
        bed.leave().await;
    }
}

/// More rows vanish after people looked: they have to look again.
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_saw_is_not_brought_back() {
    for bed in Bed::both(50).await {
        bed.run("DELETE FROM {t}.wp_options WHERE blog = 1").await;
        bed.stage(Bring::Missing).await.expect("it is staged");
        let found = bed.difference(Bring::Missing).await;
        bed.run("DELETE FROM {t}.wp_options WHERE blog = 2").await;
        let broken = bed.sums(&bed.tenant.schema).await;
        let why = refused(bed.merge(Bring::Missing, &found).await);
        assert!(why.contains("67 rows of wp_options would be written now, 34 when it was looked at"), "{why}");
        assert_eq!(bed.sums(&bed.tenant.schema).await, broken);
        let found = bed.difference(Bring::Missing).await;
        assert_eq!(bed.merge(Bring::Missing, &found).await.expect("it is merged").count, 67);
        bed.leave().await;
    }
}

/// What writes elsewhere while rows come back is found out from inside the transaction.
#[tokio::test(flavor = "multi_thread")]
async fn a_merge_that_touches_anything_else_is_undone() {
    // PostgreSQL: a rule is no trigger, so it is not switched off.
    let bed = Bed::pg(20).await;
    bed.run("CREATE RULE spy AS ON INSERT TO {t}.wp_options DO ALSO INSERT INTO {o}.wp_terms VALUES (1000 + (SELECT count(*) FROM {o}.wp_terms), NULL, 'spy')").await;
    bed.run("DELETE FROM {t}.wp_options WHERE blog = 1").await;
    bed.stage(Bring::Missing).await.expect("it is staged");
    let found = bed.difference(Bring::Missing).await;
    let others = bed.sums(&bed.other).await;
    let why = match bed.merge(Bring::Missing, &found).await {
        Err(Hitch::Refused(why) | Hitch::Later(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(why.contains("Nothing was changed"), "{why}");
    assert_eq!(bed.sums(&bed.other).await, others);
    assert_eq!(bed.rows("{t}.wp_options", "blog = 1").await, 0);

    // PostgreSQL: triggers are off for it, and as they were after it.
    let bed = Bed::pg(20).await;
    bed.run("CREATE FUNCTION {t}.spy() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN DELETE FROM tenant_2.wp_options; RETURN NEW; END$$;
        CREATE TRIGGER spy AFTER INSERT ON {t}.wp_options FOR EACH ROW EXECUTE FUNCTION {t}.spy(); ALTER TABLE {t}.wp_options ENABLE ALWAYS TRIGGER spy;
        CREATE TRIGGER off AFTER INSERT ON {t}.wp_options FOR EACH ROW EXECUTE FUNCTION {t}.spy(); ALTER TABLE {t}.wp_options DISABLE TRIGGER off;
        DELETE FROM {t}.wp_options WHERE blog = 1; DELETE FROM {t}.wp_posts").await;
    let others = bed.sums(&bed.other).await;
    bed.stage(Bring::Missing).await.expect("it is staged");
    let found = bed.difference(Bring::Missing).await;
    bed.merge(Bring::Missing, &found).await.expect("it is merged");
    assert_eq!(bed.sums(&bed.other).await, others);
    assert_eq!(bed.rows("{t}.wp_posts", "updated_at IS NULL").await, 20, "as in the backup");
    let modes = "SELECT string_agg(tgname || tgenabled::text, ' ' ORDER BY tgname) FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = 'tenant_1.wp_options'::regclass";
    assert_eq!(bed.text(modes).await, "offD spyA");

    // MariaDB cannot switch them off, so they are refused, also when they come late.
    let bed = Bed::maria(20).await;
    bed.run("DELETE FROM {t}.wp_options WHERE blog = 1").await;
    bed.stage(Bring::Missing).await.expect("it is staged");
    let found = bed.difference(Bring::Missing).await;
    bed.run("CREATE TRIGGER {t}.spy AFTER INSERT ON {t}.wp_options FOR EACH ROW DELETE FROM {o}.wp_terms").await;
    let others = bed.sums(&bed.other).await;
    let why = refused(bed.merge(Bring::Missing, &found).await);
    assert!(why.contains("Nothing was changed") || why.contains("trigger"), "{why}");
    assert_eq!(bed.sums(&bed.other).await, others);
    assert_eq!(bed.rows("{t}.wp_options", "blog = 1").await, 0);
    bed.leave().await;
}
