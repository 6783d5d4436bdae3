//! What holds for every call of every client: an answer that was cut off is no answer, and what changes something is sent
//! at most once. Credentials that AWS takes no more are not used again.
//!
//! The SDK's XML readers stop where the text stops: of three instances the first two are a good answer to them, and a list
//! that ends early is a short list. Its JSON readers refuse a text that was cut, but take an empty one for an answer in
//! which every field is missing. After a lost reply the SDK calls again and reports what the second call was told, such as
//! "there is no instance of that name" of a rename that was carried out. Whoever called has to look instead.

use std::{error::Error, fmt};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept,
            context::{AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut},
        },
        orchestrator::Metadata,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::{config_bag::ConfigBag, retry::RetryConfig};

use super::credentials::Kept;

/// A client that is under guard.
macro_rules! client {
    ($sdk:ident, $config:expr, $guard:expr) => {
        $sdk::Client::from_conf($sdk::config::Builder::from($config).interceptor($guard).build())
    };
}
pub(super) use client;

/// The interceptor of all clients.
#[derive(Debug)]
pub struct Guard {
    /// What its clients sign with.
    credentials: Vec<Kept>,
}

impl Guard {
    /// The guard of clients that sign with these, one of which was had with the other.
    pub fn of<'a>(credentials: impl IntoIterator<Item = &'a Kept>) -> Guard {
        Guard { credentials: credentials.into_iter().cloned().collect() }
    }
}

/// An answer that is not whole; whether the call was carried out is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotWhole {
    /// It stops before its end.
    Cut,
    /// There is nothing in it, where AWS always says something.
    Empty,
}

impl fmt::Display for NotWhole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotWhole::Cut => "AWS's answer stops in the middle",
            NotWhole::Empty => "AWS's answer is empty",
        })
    }
}

impl Error for NotWhole {}

impl Intercept for Guard {
    fn name(&self) -> &'static str {
        "bbws: whole answers, changes once"
    }

    fn modify_before_serialization(
        &self,
        _context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if config.load::<Metadata>().is_none_or(|called| !may_be_repeated(called.name())) {
            config.interceptor_state().store_put(RetryConfig::disabled());
        }
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let answer = context.response();
        // A body that is streamed to whoever asked is not here; its length and hash are checked where it is read.
        let (Some(body), Some(called)) = (answer.body().bytes(), config.load::<Metadata>()) else { return Ok(()) };
        if context.output_or_error().is_err() {
            let told = answer.headers().get("x-amzn-errortype").unwrap_or_default();
            if not_taken(told.as_bytes()) || not_taken(body) {
                self.credentials.iter().for_each(Kept::refused);
            }
            return Ok(());
        }
        if answer.status().as_u16() == 204 {
            return Ok(());
        }
        whole(called.service(), called.name(), body).map_err(BoxError::from)
    }
}

/// Whether an error says that AWS does not take the credentials any more.
fn not_taken(error: &[u8]) -> bool {
    let codes = ["ExpiredToken", "InvalidClientTokenId", "InvalidAccessKeyId", "UnrecognizedClientException"];
    codes.iter().any(|code| error.windows(code.len()).any(|part| part == code.as_bytes()))
}

/// Whether a second call does no harm and its answer is as good as the first one's. Everything else is sent once.
fn may_be_repeated(operation: &str) -> bool {
    let reads = ["Describe", "Get", "Head", "List", "BatchGet"].iter().any(|verb| operation.starts_with(verb));
    // Keys and sessions are made anew each time and bind nobody; parts of an upload count only once it is complete, and
    // its completion is conditional and looked for afterwards.
    let harmless = [
        "AssumeRole",
        "Decrypt",
        "GenerateDataKey",
        "CreateMultipartUpload",
        "UploadPart",
        "CompleteMultipartUpload",
        "AbortMultipartUpload",
    ];
    reads || harmless.contains(&operation)
}

/// Whether a successful answer is all there.
fn whole(service: &str, operation: &str, body: &[u8]) -> Result<(), NotWhole> {
    let text = body.trim_ascii();
    if text.is_empty() {
        return if answers_nothing(service, operation) { Ok(()) } else { Err(NotWhole::Empty) };
    }
    match service {
        "RDS" | "Route 53" | "SNS" | "STS" => closed(text),
        // Bucket policies are JSON, which is parsed where it is read.
        "S3" if text.starts_with(b"<") => closed(text),
        _ => Ok(()),
    }
}

/// Operations after which AWS has nothing to say.
fn answers_nothing(service: &str, operation: &str) -> bool {
    let begins = |verbs: &[&str]| verbs.iter().any(|verb| operation.starts_with(verb));
    match service {
        "RDS" | "Route 53" | "SNS" | "STS" => false,
        "S3" => {
            begins(&["Put", "Delete", "Head", "Abort", "UploadPart", "CreateBucket"]) && operation != "UploadPartCopy"
        }
        _ => {
            begins(&["Delete", "Tag", "Untag", "Cancel", "Disassociate", "PutBackupVault", "Enable", "Disable"])
                || operation.ends_with("Alias")
        }
    }
}

/// Whether the root element of an XML text is closed at its end.
fn closed(text: &[u8]) -> Result<(), NotWhole> {
    let root = root(text).ok_or(NotWhole::Cut)?;
    let name: &[u8] = root.split(|byte| byte.is_ascii_whitespace() || *byte == b'/').next().unwrap_or_default();
    let alone = root.ends_with(b"/") && text.ends_with(&[root, b">"].concat());
    let end = text.strip_suffix(b">").map(<[u8]>::trim_ascii_end).and_then(|text| text.strip_suffix(name));
    if alone || end.is_some_and(|text| text.ends_with(b"</")) { Ok(()) } else { Err(NotWhole::Cut) }
}

/// What stands between the brackets of the first element, behind declarations and comments.
fn root(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    loop {
        let start = rest.iter().position(|byte| *byte == b'<')? + 1;
        rest = &rest[start..];
        let end = rest.iter().position(|byte| *byte == b'>')?;
        match rest.first()? {
            b'?' | b'!' => rest = &rest[end + 1..],
            _ => return Some(&rest[..end]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "<?xml version=\"1.0\"?>\n<!-- x -->\n<DescribeDBInstancesResponse xmlns=\"http://rds\">\
                        <DescribeDBInstancesResult><DBInstances><DBInstance/></DBInstances></DescribeDBInstancesResult>\
                        </DescribeDBInstancesResponse>";

    #[test]
    fn xml_is_whole_only_to_its_last_byte() {
        assert_eq!(whole("RDS", "DescribeDBInstances", LIST.as_bytes()), Ok(()));
        assert_eq!(whole("RDS", "DescribeDBInstances", format!("{LIST}\n").as_bytes()), Ok(()));
        for end in 0..LIST.len() {
            let cut = &LIST.as_bytes()[..end];
            assert!(whole("RDS", "DescribeDBInstances", cut).is_err(), "{}", &LIST[..end]);
        }
    }

    #[test]
    fn a_root_may_be_closed_in_itself_and_with_spaces() {
        for text in ["<LocationConstraint/>", "<A b=\"c\" />", "<A></A >", "<A/ >"] {
            let expected = if text == "<A/ >" { Err(NotWhole::Cut) } else { Ok(()) };
            assert_eq!(closed(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(closed(b"<A><B/>"), Err(NotWhole::Cut));
        assert_eq!(closed(b"<AB></A>"), Err(NotWhole::Cut));
    }

    #[test]
    fn an_empty_answer_is_one_only_where_there_is_nothing_to_say() {
        for (service, operation) in [
            ("Secrets Manager", "GetSecretValue"),
            ("Secrets Manager", "PutSecretValue"),
            ("Backup", "StartBackupJob"),
            ("S3", "ListObjectVersions"),
            ("S3", "CopyObject"),
            ("Route 53", "ChangeResourceRecordSets"),
            ("ECS", "UpdateService"),
            ("S3", "CompleteMultipartUpload"),
            ("STS", "AssumeRole"),
        ] {
            assert_eq!(whole(service, operation, b" \n"), Err(NotWhole::Empty), "{operation}");
        }
        for (service, operation) in
            [("S3", "PutObject"), ("S3", "HeadObject"), ("Backup", "DeleteRecoveryPoint"), ("EFS", "TagResource")]
        {
            assert_eq!(whole(service, operation, b""), Ok(()), "{operation}");
        }
    }

    #[test]
    fn only_what_changes_nothing_is_sent_twice() {
        for operation in [
            "CreateDBSnapshot",
            "ModifyDBInstance",
            "PromoteReadReplica",
            "CreateDBInstanceReadReplica",
            "ChangeResourceRecordSets",
            "UpdateService",
            "StartCopyJob",
            "PutObject",
            "Publish",
            "NewVerb",
        ] {
            assert!(!may_be_repeated(operation), "{operation}");
        }
        for operation in
            ["DescribeDBInstances", "ListTags", "GetObject", "HeadBucket", "BatchGetSecretValue", "Decrypt"]
        {
            assert!(may_be_repeated(operation), "{operation}");
        }
    }
}
