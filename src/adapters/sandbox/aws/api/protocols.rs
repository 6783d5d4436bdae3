//! The languages AWS's services speak: query with XML answers, JSON 1.1, REST with JSON, REST with XML, CBOR. What is read
//! comes out as the inputs of the service's model, what is written goes in as its outputs.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::{Raw, Refusal, Reply, Route, Service, cbor, s3, xml};

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// A form in, XML out: RDS, SNS, STS.
    Query {
        /// Of the answers' XML.
        namespace: &'static str,
    },
    /// JSON in and out, the operation in a header: ECS, KMS, Secrets Manager, SSM.
    Json,
    /// JSON in and out, the operation in method and path: AWS Backup, EFS.
    RestJson,
    /// XML and much in headers: S3.
    RestXml,
    /// CBOR in and out, the operation in the path: CloudWatch.
    Cbor,
    /// XML in and out, the operation in method and path: Route 53.
    Xml {
        /// Of the answers' XML.
        namespace: &'static str,
    },
}

/// Refusals that every service knows, each in its own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Common {
    /// Too many requests.
    Throttled,
    /// Not allowed.
    Denied,
    /// Not now.
    Unavailable,
    /// Broken inside.
    Internal,
    /// No such access key.
    UnknownKey,
    /// The session of a role is over.
    Expired,
}

/// What a signature says besides being one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Access key id.
    pub access_key: String,
    /// Region.
    pub region: String,
    /// Service, by its name in signatures.
    pub service: String,
}

/// The scope of a SigV4 signature, in the header or in a presigned address. The signature itself is not checked: any
/// secret will do.
pub fn scope(raw: &Raw) -> Option<Scope> {
    let credential = match raw.header("authorization") {
        Some(header) => {
            let rest = header.strip_prefix("AWS4-HMAC-SHA256")?;
            let field = rest.split(',').map(str::trim).find_map(|field| field.strip_prefix("Credential="))?;
            field.to_owned()
        }
        None => raw.parameters().into_iter().find(|(name, _)| name == "X-Amz-Credential")?.1,
    };
    let parts: Vec<&str> = credential.split('/').collect();
    match parts[..] {
        [key, _date, region, service, "aws4_request"] => {
            Some(Scope { access_key: key.to_owned(), region: region.to_owned(), service: service.to_owned() })
        }
        _ => None,
    }
}

/// The language of a request that does not say for whom it is.
pub fn guess(raw: &Raw) -> Protocol {
    match raw.header("content-type") {
        Some(kind) if kind.starts_with("application/x-amz-json") => Protocol::Json,
        Some(kind) if kind.starts_with("application/x-www-form-urlencoded") => {
            Protocol::Query { namespace: "https://sts.amazonaws.com/doc/2011-06-15/" }
        }
        Some(kind) if kind.starts_with("application/json") => Protocol::RestJson,
        _ => Protocol::RestXml,
    }
}

/// Operation and inputs of a request.
///
/// # Errors
/// As the service refuses what it cannot read.
pub fn operation(service: Service, routes: &[Route], raw: &Raw) -> Result<(String, Value), Refusal> {
    match service.spoken(raw) {
        Protocol::Query { .. } => query(raw),
        Protocol::Json => json_target(raw),
        Protocol::RestJson => rest(routes, raw),
        Protocol::RestXml => s3::operation(raw),
        Protocol::Cbor => cbor_path(raw),
        Protocol::Xml { .. } => rest_xml(routes, raw),
    }
}

fn query(raw: &Raw) -> Result<(String, Value), Refusal> {
    let mut pairs = raw.parameters();
    pairs.extend(serde_urlencoded::from_bytes::<Vec<(String, String)>>(&raw.body).unwrap_or_default());
    let action = pairs.iter().find(|(name, _)| name == "Action").map(|(_, value)| value.clone());
    let Some(action) = action else {
        return Err(Refusal::new("MissingAction", "The request must contain the parameter Action"));
    };
    let mut root = Map::new();
    for (name, value) in pairs.into_iter().filter(|(name, _)| name != "Action" && name != "Version") {
        put(&mut root, &name, value);
    }
    let input = root.into_iter().map(|(name, value)| (name, settle(value))).collect();
    Ok((action, Value::Object(input)))
}

/// `Filters.Filter.1.Name` becomes objects in objects.
fn put(object: &mut Map<String, Value>, name: &str, value: String) {
    let Some((first, rest)) = name.split_once('.') else {
        object.insert(name.to_owned(), Value::String(value));
        return;
    };
    let inner = object.entry(first).or_insert_with(|| Value::Object(Map::new()));
    if !inner.is_object() {
        *inner = Value::Object(Map::new());
    }
    if let Some(inner) = inner.as_object_mut() {
        put(inner, rest, value);
    }
}

/// Objects with numbers for keys are lists, and what holds nothing but a list is that list.
fn settle(value: Value) -> Value {
    let Value::Object(object) = value else { return value };
    let numbered = !object.is_empty() && object.keys().all(|key| key.parse::<usize>().is_ok());
    let mut inner: Vec<(String, Value)> = object.into_iter().map(|(key, value)| (key, settle(value))).collect();
    if numbered {
        inner.sort_by_key(|(key, _)| key.parse::<usize>().unwrap_or(usize::MAX));
        return Value::Array(inner.into_iter().map(|(_, value)| value).collect());
    }
    if let [(_, list)] = &mut inner[..]
        && list.is_array()
    {
        return list.take();
    }
    Value::Object(inner.into_iter().collect())
}

fn json_target(raw: &Raw) -> Result<(String, Value), Refusal> {
    let target = raw.header("x-amz-target").and_then(|target| target.rsplit('.').next());
    let Some(operation) = target else {
        return Err(Refusal::new("UnknownOperationException", "The request has no X-Amz-Target"));
    };
    Ok((operation.to_owned(), body(raw)?))
}

fn cbor_path(raw: &Raw) -> Result<(String, Value), Refusal> {
    let operation = raw.path.split_once("/operation/").map(|(_, operation)| operation.trim_end_matches('/'));
    let Some(operation) = operation.filter(|_| raw.header("smithy-protocol") == Some("rpc-v2-cbor")) else {
        return Err(Refusal::new("UnknownOperationException", "The request is none of smithy's RPC v2 with CBOR"));
    };
    match cbor::decode(&raw.body) {
        Some(Value::Object(input)) => Ok((operation.to_owned(), Value::Object(input))),
        _ => Err(Refusal::new("SerializationException", "The body is no map of CBOR")),
    }
}

fn body(raw: &Raw) -> Result<Value, Refusal> {
    if raw.body.is_empty() {
        return Ok(json!({}));
    }
    match serde_json::from_slice(&raw.body) {
        Ok(Value::Object(object)) => Ok(Value::Object(object)),
        _ => Err(Refusal::new("SerializationException", "The body is no JSON object")),
    }
}

fn rest(routes: &[Route], raw: &Raw) -> Result<(String, Value), Refusal> {
    for (method, path, operation) in routes {
        let Some(labels) = (*method == raw.method).then(|| labels(path, &raw.path)).flatten() else { continue };
        let Value::Object(mut input) = body(raw)? else { continue };
        for (name, value) in raw.parameters() {
            add(&mut input, name, value);
        }
        for (name, value) in labels {
            input.insert(name.to_owned(), Value::String(value));
        }
        return Ok(((*operation).to_owned(), Value::Object(input)));
    }
    let why = format!("There is no operation at {} {}", raw.method, raw.path);
    Err(Refusal::with_status(404, "UnknownOperationException", why))
}

/// The same with a body of XML.
fn rest_xml(routes: &[Route], raw: &Raw) -> Result<(String, Value), Refusal> {
    let body = std::str::from_utf8(&raw.body).ok().filter(|text| !text.trim().is_empty());
    let inner = match body.map(xml::parse) {
        None => Value::Object(Map::new()),
        Some(Some(root)) => fields(&root),
        Some(None) => return Err(Refusal::new("MalformedXML", "The body is no well-formed XML")),
    };
    let bare = Raw { body: Default::default(), ..raw.clone() };
    let (operation, mut input) = rest(routes, &bare)?;
    merge(&mut input, Some(&inner));
    Ok((operation, input))
}

/// An element as fields: what has children is an object, or a list where all of them have the name of its items.
fn fields(element: &xml::Element) -> Value {
    let item = item_of(&element.name);
    if item != "member" && element.children.iter().all(|child| child.name == item) {
        return element.children.iter().map(fields).collect();
    }
    match element.children.as_slice() {
        [] => Value::String(element.text.clone()),
        children => children.iter().map(|child| (child.name.clone(), fields(child))).collect(),
    }
}

/// A parameter that comes twice is a list.
fn add(input: &mut Map<String, Value>, name: String, value: String) {
    let value = Value::String(value);
    match input.get_mut(&name) {
        None => drop(input.insert(name, value)),
        Some(Value::Array(list)) => list.push(value),
        Some(first) => *first = json!([first.take(), value]),
    }
}

/// Labels of a path, where it is one of this form: same number of parts, slashes at the end do not count.
fn labels<'r>(route: &'r str, path: &str) -> Option<Vec<(&'r str, String)>> {
    let path = path.split('?').next().unwrap_or(path);
    let (mut wanted, mut given) = (route.trim_matches('/').split('/'), path.trim_matches('/').split('/'));
    let mut found = Vec::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(found),
            (Some(part), Some(value)) => match part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
                Some(name) => found.push((name, decoded(value))),
                None if part == value => {}
                None => return None,
            },
            _ => return None,
        }
    }
}

/// Percent signs taken apart; what is no UTF-8 is replaced.
pub fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = (*first == b'%').then(|| tail.get(..2)).flatten();
        let code = code.and_then(|c| u8::from_str_radix(std::str::from_utf8(c).ok()?, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

impl Protocol {
    /// A good answer.
    pub fn reply(self, operation: &str, fields: &Value, id: &str) -> Reply {
        match self {
            Protocol::Query { namespace } => {
                let mut xml = format!("<{operation}Response xmlns=\"{namespace}\">");
                element(&mut xml, &format!("{operation}Result"), fields);
                xml.push_str(&format!(
                    "<ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{operation}Response>"
                ));
                Reply::new(200).with("content-type", "text/xml").with("x-amzn-requestid", id).body(xml)
            }
            Protocol::Xml { namespace } => {
                let mut xml = "<?xml version=\"1.0\"?>\n".to_owned();
                let root = format!("{operation}Response");
                element(&mut xml, &root, fields);
                let bare = format!("<{root}>");
                let xml = xml.replacen(&bare, &format!("<{root} xmlns=\"{namespace}\">"), 1);
                Reply::new(200).with("content-type", "text/xml").with("x-amzn-requestid", id).body(xml)
            }
            Protocol::Cbor => Reply::new(200)
                .with("content-type", self.content_type())
                .with("smithy-protocol", "rpc-v2-cbor")
                .with("x-amzn-requestid", id)
                .body(cbor::encode(fields)),
            Protocol::Json | Protocol::RestJson | Protocol::RestXml => Reply::new(200)
                .with("content-type", self.content_type())
                .with("x-amzn-requestid", id)
                .body(json(fields)),
        }
    }

    /// A refusal.
    pub fn refuse(self, service: Service, refusal: &Refusal, id: &str) -> Reply {
        let Refusal { status, code, message, fields, headers } = refusal;
        let mut reply = Reply::new(*status).with("content-type", self.content_type()).with("x-amzn-requestid", id);
        reply.headers.extend(headers.iter().cloned());
        match self {
            Protocol::Query { namespace } | Protocol::Xml { namespace } => {
                if let Some(messages) = fields.as_deref().and_then(|fields| fields.get("Messages")) {
                    // Batches that Route 53 refuses: under a root of their own, which no model knows.
                    let mut xml = format!("<?xml version=\"1.0\"?>\n<{code} xmlns=\"{namespace}\">");
                    element(&mut xml, "Messages", messages);
                    return reply.body(format!("{xml}<RequestId>{id}</RequestId></{code}>"));
                }
                let kind = if *status < 500 { "Sender" } else { "Receiver" };
                let error = json!({"Type": kind, "Code": code, "Message": message});
                let mut xml = format!("<ErrorResponse xmlns=\"{namespace}\">");
                element(&mut xml, "Error", &error);
                reply.body(format!("{xml}<RequestId>{id}</RequestId></ErrorResponse>"))
            }
            Protocol::RestXml => {
                let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
                let mut error = json!({"Code": code, "Message": message, "RequestId": id});
                merge(&mut error, fields.as_deref());
                element(&mut xml, "Error", &error);
                reply.with("x-amz-request-id", id).body(xml)
            }
            Protocol::Cbor => {
                let mut error = json!({"__type": code, "message": message});
                merge(&mut error, fields.as_deref());
                reply.with("smithy-protocol", "rpc-v2-cbor").body(cbor::encode(&error))
            }
            Protocol::Json => {
                let mut error = json!({"__type": code, "message": message});
                merge(&mut error, fields.as_deref());
                reply.body(json(&error))
            }
            Protocol::RestJson => {
                let name = if service == Service::Efs { "ErrorCode" } else { "Code" };
                let mut error = json!({name: code, "Message": message});
                merge(&mut error, fields.as_deref());
                reply.with("x-amzn-errortype", code.clone()).body(json(&error))
            }
        }
    }

    /// A refusal that every service knows.
    pub fn common(self, what: Common) -> Refusal {
        let (status, code) = match (what, self) {
            (Common::Throttled, Protocol::Query { .. } | Protocol::Xml { .. }) => (400, "Throttling"),
            (Common::Throttled, Protocol::Json | Protocol::Cbor) => (400, "ThrottlingException"),
            (Common::Throttled, Protocol::RestJson) => (429, "ThrottlingException"),
            (Common::Throttled, Protocol::RestXml) => (503, "SlowDown"),
            (Common::Denied, Protocol::Query { .. } | Protocol::RestXml | Protocol::Xml { .. }) => {
                (403, "AccessDenied")
            }
            (Common::Denied, Protocol::Json | Protocol::Cbor) => (400, "AccessDeniedException"),
            (Common::Denied, Protocol::RestJson) => (403, "AccessDeniedException"),
            (Common::Unavailable, Protocol::Query { .. } | Protocol::RestXml | Protocol::Xml { .. }) => {
                (503, "ServiceUnavailable")
            }
            (Common::Unavailable, Protocol::Json | Protocol::RestJson | Protocol::Cbor) => {
                (503, "ServiceUnavailableException")
            }
            (Common::Internal, Protocol::Query { .. } | Protocol::Xml { .. }) => (500, "InternalFailure"),
            (Common::Internal, Protocol::Json | Protocol::RestJson | Protocol::Cbor) => (500, "InternalServerError"),
            (Common::Internal, Protocol::RestXml) => (500, "InternalError"),
            (Common::UnknownKey, Protocol::Query { .. } | Protocol::Xml { .. }) => (403, "InvalidClientTokenId"),
            (Common::UnknownKey, Protocol::Json | Protocol::Cbor) => (400, "UnrecognizedClientException"),
            (Common::UnknownKey, Protocol::RestJson) => (403, "UnrecognizedClientException"),
            (Common::UnknownKey, Protocol::RestXml) => (403, "InvalidAccessKeyId"),
            (Common::Expired, Protocol::Query { .. } | Protocol::Xml { .. }) => (403, "ExpiredToken"),
            (Common::Expired, Protocol::Json | Protocol::Cbor) => (400, "ExpiredTokenException"),
            (Common::Expired, Protocol::RestJson) => (403, "ExpiredTokenException"),
            (Common::Expired, Protocol::RestXml) => (400, "ExpiredToken"),
        };
        let message = match what {
            Common::Throttled => "Rate exceeded",
            Common::Denied => "User is not authorized to perform this action",
            Common::Unavailable => "The service cannot handle the request now",
            Common::Internal => "An internal error occurred",
            Common::UnknownKey => "The security token included in the request is invalid",
            Common::Expired => "The security token included in the request is expired",
        };
        Refusal::with_status(status, code, message)
    }

    fn content_type(self) -> &'static str {
        match self {
            Protocol::Query { .. } | Protocol::Xml { .. } => "text/xml",
            Protocol::Json => "application/x-amz-json-1.1",
            Protocol::Cbor => "application/cbor",
            Protocol::RestJson => "application/json",
            Protocol::RestXml => "application/xml",
        }
    }
}

fn merge(object: &mut Value, fields: Option<&Value>) {
    if let (Some(object), Some(fields)) = (object.as_object_mut(), fields.and_then(Value::as_object)) {
        object.extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
}

/// JSON without the fields that are null: AWS leaves out what is not there.
fn json(value: &Value) -> Vec<u8> {
    fn without_null(value: &Value) -> Cow<'_, Value> {
        match value {
            Value::Object(object) => Cow::Owned(Value::Object(
                object
                    .iter()
                    .filter(|(_, value)| !value.is_null())
                    .map(|(name, value)| (name.clone(), without_null(value).into_owned()))
                    .collect(),
            )),
            Value::Array(list) => {
                Cow::Owned(Value::Array(list.iter().map(|value| without_null(value).into_owned()).collect()))
            }
            other => Cow::Borrowed(other),
        }
    }
    serde_json::to_vec(&*without_null(value)).unwrap_or_default()
}

/// Writes a value as an element; a null is not written.
pub fn element(xml: &mut String, name: &str, value: &Value) {
    if value.is_null() {
        return;
    }
    xml.push('<');
    xml.push_str(name);
    xml.push('>');
    match value {
        Value::Object(object) => object.iter().for_each(|(name, value)| element(xml, name, value)),
        Value::Array(list) => list.iter().for_each(|value| element(xml, item_of(name), value)),
        Value::String(text) => escape(xml, text),
        other => xml.push_str(&other.to_string()),
    }
    xml.push_str("</");
    xml.push_str(name);
    xml.push('>');
}

/// What an element of a list is called; `member` where the model does not say.
fn item_of(list: &str) -> &'static str {
    match list {
        "AccountQuotas" => "AccountQuota",
        "Attributes" => "entry",
        "Changes" => "Change",
        "DBInstanceAutomatedBackups" => "DBInstanceAutomatedBackup",
        "DBInstances" => "DBInstance",
        "DBParameterGroups" => "DBParameterGroup",
        "DBSnapshots" => "DBSnapshot",
        "EventCategories" => "EventCategory",
        "Events" => "Event",
        "DBSubnetGroups" => "DBSubnetGroup",
        "HostedZones" => "HostedZone",
        "Messages" => "Message",
        "NameServers" => "NameServer",
        "OptionGroupMemberships" => "OptionGroupMembership",
        "ReadReplicaDBInstanceIdentifiers" => "ReadReplicaDBInstanceIdentifier",
        "ResourceRecordSets" => "ResourceRecordSet",
        "ResourceRecords" => "ResourceRecord",
        "Subnets" => "Subnet",
        "TagList" => "Tag",
        "VpcSecurityGroups" => "VpcSecurityGroupMembership",
        _ => "member",
    }
}

/// Text as it stands in XML. Characters XML has no way to write become spaces.
fn escape(xml: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\r' => xml.push_str("&#13;"),
            c if c.is_control() && c != '\n' && c != '\t' => xml.push(' '),
            c => xml.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(method: &str, path: &str, query: &str, body: &str) -> Raw {
        Raw {
            method: method.into(),
            path: path.into(),
            query: query.into(),
            body: body.to_owned().into(),
            ..Raw::default()
        }
    }

    #[test]
    fn a_form_becomes_the_inputs_of_the_model() {
        let body = "Action=DescribeDBSnapshots&Version=2014-10-31&Filters.Filter.1.Name=db-snapshot-id\
                    &Filters.Filter.1.Values.Value.1=a&Filters.Filter.1.Values.Value.2=b&MaxRecords=100\
                    &Tags.Tag.1.Key=k&Tags.Tag.1.Value=v%20w";
        let (operation, input) = query(&raw("POST", "/", "", body)).unwrap();
        assert_eq!(operation, "DescribeDBSnapshots");
        let wanted = json!({
            "Filters": [{"Name": "db-snapshot-id", "Values": ["a", "b"]}],
            "MaxRecords": "100",
            "Tags": [{"Key": "k", "Value": "v w"}],
        });
        assert_eq!(input, wanted);
        assert_eq!(query(&raw("POST", "/", "", "Version=1")).unwrap_err().code, "MissingAction");
    }

    #[test]
    fn eleven_members_of_a_list_stay_in_their_order() {
        let body = (1..=11).map(|n| format!("&Names.member.{n}=n{n}")).collect::<String>();
        let (_, input) = query(&raw("POST", "/", "", &format!("Action=X{body}"))).unwrap();
        assert_eq!(input["Names"][10], "n11");
        assert_eq!(input["Names"][1], "n2");
    }

    #[test]
    fn paths_and_query_strings_become_inputs() {
        let routes: &[Route] = &[
            ("GET", "/vaults/{name}", "DescribeVault"),
            ("GET", "/vaults/{name}/points/{arn}", "DescribePoint"),
            ("PUT", "/jobs", "StartJob"),
        ];
        let point = raw("GET", "/vaults/a%2Fb/points/arn%3Aaws%3A%C3%A9", "x=1&y=&x=2", "");
        let (operation, input) = rest(routes, &point).unwrap();
        assert_eq!(operation, "DescribePoint");
        assert_eq!(input, json!({"name": "a/b", "arn": "arn:aws:é", "x": ["1", "2"], "y": ""}));
        assert_eq!(rest(routes, &raw("PUT", "/jobs", "", "{\"A\": 1}")).unwrap().1, json!({"A": 1}));
        assert_eq!(rest(routes, &raw("PUT", "/jobs", "", "[")).unwrap_err().code, "SerializationException");
        assert_eq!(rest(routes, &raw("POST", "/jobs", "", "")).unwrap_err().status, 404);
    }

    #[test]
    fn what_is_written_can_be_read_by_an_xml_parser() {
        let mut xml = String::new();
        element(&mut xml, "TagList", &json!([{"Key": "a<b>&\"", "Value": Value::Null}, {"N": 1}, {"B": true}]));
        let key = "<Tag><Key>a&lt;b&gt;&amp;&quot;</Key></Tag>";
        assert_eq!(xml, format!("<TagList>{key}<Tag><N>1</N></Tag><Tag><B>true</B></Tag></TagList>"));
    }

    #[test]
    fn a_scope_is_read_from_headers_and_presigned_addresses() {
        let mut signed = raw("GET", "/", "", "");
        let header = "AWS4-HMAC-SHA256 Credential=123456789012/20261121/eu-west-1/rds/aws4_request, SignedHeaders=host, Signature=0";
        signed.headers.push(("authorization".into(), header.into()));
        let wanted = Scope { access_key: "123456789012".into(), region: "eu-west-1".into(), service: "rds".into() };
        assert_eq!(scope(&signed), Some(wanted.clone()));
        let presigned =
            raw("GET", "/", "X-Amz-Credential=123456789012%2F20261121%2Feu-west-1%2Frds%2Faws4_request", "");
        assert_eq!(scope(&presigned), Some(wanted));
        assert_eq!(scope(&raw("GET", "/", "", "")), None);
    }
}
