//! What answers of S3 are made of, where a test writes them itself.

use std::time::{Duration, SystemTime};

use crate::aws::fake::Answer;

pub fn xml(status: u16, body: String) -> Answer {
    Answer { status, headers: vec![("content-type", "application/xml".into())], body }
}

/// A time so many seconds ago, as S3 writes it.
pub fn ago(seconds: u64) -> String {
    let then = SystemTime::now() - Duration::from_secs(seconds);
    aws_smithy_types::DateTime::from(then)
        .fmt(aws_smithy_types::date_time::Format::DateTime)
        .expect("it can be written")
}
