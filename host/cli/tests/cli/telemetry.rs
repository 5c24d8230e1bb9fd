//! Traces reach a collector that is there, and one that is not is no trouble.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use crate::hosted::Hosted;
use crate::shell::Shell;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// Takes what is exported.
fn collector() -> (String, Receiver<(String, ExportTraceServiceRequest)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let tell = tell.clone();
            std::thread::spawn(move || {
                while let Some((head, body)) = request(&mut stream) {
                    let spans = ExportTraceServiceRequest::decode(&*body).unwrap();
                    if tell.send((head, spans)).is_err() {
                        return;
                    }
                    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                    stream.write_all(answer.as_bytes()).unwrap();
                }
            });
        }
    });
    (address, told)
}

/// The next request on a connection: its head and its body.
fn request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head
        .lines()
        .find_map(|it| it.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    stream.read_exact(&mut body).ok()?;
    Some((head, body))
}

fn shop(otlp: &str, more: &str) -> Shell {
    let shell = Shell::new();
    let project = format!(
        "[project]\nname = \"shop\"\n\n[server]\nlisten = \"127.0.0.1:0\"\n\n\
         [tracking.website]\nwrite_keys = [\"website-1\"]\n\n\
         [telemetry]\notlp = \"http://{otlp}\"\n{more}"
    );
    fs::write(shell.folder().join("crosspoint.toml"), project).unwrap();
    shell
}

/// Tracks somebody, and waits for the answer.
fn track(address: &str) -> String {
    let body = r#"{"writeKey":"website-1","event":"Seen","userId":"ana@example.com"}"#;
    let request = format!(
        "POST /v1/track HTTP/1.1\r\nhost: h\r\nconnection: close\r\nx-request-id: mine\r\n\
         traceparent: 00-{TRACE}-{PARENT}-01\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |pair: &KeyValue| match pair.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some((pair.key.clone(), text.clone())),
        Value::IntValue(number) => Some((pair.key.clone(), number.to_string())),
        _ => None,
    };
    attributes.iter().filter_map(text).collect()
}

#[test]
fn a_request_is_one_trace_up_to_the_delivery() {
    let (address, exported) = collector();
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    let crm = receiver.local_addr().unwrap();
    let more = format!(
        "[segments.visitors]\nwhen = \"events.count() > 0\"\n\n\
         [connectors.crm]\nplugin = \"webhook\"\nsettings = {{ url = \"http://{crm}\" }}\n\
         secrets = {{ signing_secret = \"file:secret\" }}\n\
         grant = {{ hosts = [\"{crm}\"], plain_http = [\"{crm}\"] }}\n\n\
         [syncs.visitors]\nconnector = \"crm\"\nsegment = \"visitors\"\n\
         action = \"add-to-list\"\nlist = \"Visitors\"\n"
    );
    let shell = shop(&address, &more);
    let secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    fs::write(shell.folder().join("secret"), secret).unwrap();
    let host = Hosted::start(&shell);
    let answer = track(&host.address.clone().unwrap());
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("x-request-id: mine\r\n"), "{answer}");
    let (mut delivery, _) = receiver.accept().unwrap();
    request(&mut delivery).unwrap();
    let answer = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    delivery.write_all(answer.as_bytes()).unwrap();
    host.signal("TERM");
    assert_eq!(host.ended(), 0);

    let mut spans: BTreeMap<String, Span> = BTreeMap::new();
    // The process has ended: whatever it sent is here.
    for (head, batch) in exported.try_iter() {
        assert!(head.starts_with("post /v1/traces "), "{head}");
        for resource in batch.resource_spans {
            let of = texts(&resource.resource.unwrap().attributes);
            assert_eq!(of["service.name"], "crosspoint");
            let scopes = resource.scope_spans.into_iter();
            for span in scopes.flat_map(|scope| scope.spans) {
                let shown = format!("{span:?}");
                assert!(
                    !shown.contains("ana@") && !shown.contains("whsec"),
                    "{shown}"
                );
                if hex(&span.trace_id) == TRACE {
                    spans.insert(span.name.clone(), span);
                }
            }
        }
    }
    let names: Vec<_> = spans.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["POST /v1/track", "append", "deliver", "plugin_call", "step"]
    );
    let of = |name: &str| &spans[name];
    let request = of("POST /v1/track");
    assert_eq!(hex(&request.parent_span_id), PARENT);
    let attributes = texts(&request.attributes);
    assert_eq!(attributes["request_id"], "mine");
    assert_eq!(attributes["http.route"], "/v1/track");
    assert_eq!(attributes["http.response.status_code"], "200");
    for (child, parent) in [
        ("append", request),
        ("step", request),
        ("plugin_call", of("deliver")),
    ] {
        assert_eq!(of(child).parent_span_id, parent.span_id, "{child}");
    }
    assert_eq!(texts(&of("plugin_call").attributes)["call"], "deliver");
}

#[test]
fn a_collector_that_is_away_is_told_of_once() {
    let away = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = away.local_addr().unwrap().to_string();
    drop(away);
    let shell = shop(&address, "");
    let mut command = shell.command(&["run", "--log-format", "json"]);
    // Every span is a batch of its own, so that many fail.
    command.env("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1");
    let mut host = Hosted::start_command(command);
    let tracked = host.address.clone().unwrap();
    for _ in 0..20 {
        assert!(track(&tracked).starts_with("HTTP/1.1 200"));
    }
    let line = "traces do not reach the collector and are dropped until they do";
    host.wait_for(line);
    host.signal("TERM");
    let rest = host.wait_for("stopping");
    let again = rest.iter().filter(|it| it["fields"]["message"] == line);
    assert_eq!(again.count(), 0);
    assert_eq!(host.ended(), 0);
}
