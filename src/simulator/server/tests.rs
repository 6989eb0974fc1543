use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::simulator::faults::{Behaviour, Fault, Kind, Trigger};

fn authority(url: &str) -> &str {
    url.strip_prefix("http://").unwrap().split('/').next().unwrap()
}

/// Sends bytes as they are and reads until the other side closes; `Connection: close` is expected in them.
async fn raw(url: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(authority(url)).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

async fn call(url: &str, method: &str, headers: &str, body: &str) -> String {
    let path = format!("/{}", url.strip_prefix("http://").unwrap().split_once('/').map_or("", |(_, path)| path));
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    raw(url, &request).await
}

fn login() -> String {
    "<request><control><senderid>tollgate-demo</senderid><password>sender-Secret-demo</password><controlid>r</controlid>\
     <uniqueid>false</uniqueid><dtdversion>3.0</dtdversion></control><operation><authentication><login>\
     <userid>ws_tollgate</userid><companyid>DEMOCO</companyid><password>user-Secret-demo</password></login></authentication>\
     <content><function controlid=\"s\"><getAPISession/></function></content></operation></request>"
        .to_owned()
}

const XML: &str = "Content-Type: application/xml\r\n";

#[tokio::test]
async fn the_gateway_answers_over_a_socket_and_names_itself_as_endpoint() {
    let simulators = Simulators::start(&World::demo(1), &ServerOptions::default()).await.unwrap();
    let answer = call(&simulators.gateway_url, "POST", XML, &login()).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains(&format!("<endpoint>{}</endpoint>", simulators.gateway_url)), "{answer}");
    assert!(call(&simulators.gateway_url, "GET", "", "").await.starts_with("HTTP/1.1 405"));
    simulators.stop().await;
}

#[tokio::test]
async fn one_connection_carries_many_requests_also_in_chunks() {
    let simulators = Simulators::start(&World::bulk(1, 1, 1), &ServerOptions::default()).await.unwrap();
    let body = login();
    let (first, second) = body.split_at(100);
    let head = format!("POST /ia/xml/xmlgw.phtml HTTP/1.1\r\nHost: x\r\n{XML}");
    let one = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    let two = format!(
        "{head}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{first}\r\n{:x};ext\r\n{second}\r\n0\r\n\r\n",
        first.len(),
        second.len()
    );
    let answer = raw(&simulators.gateway_url, &(one + &two)).await;
    assert_eq!(answer.matches("<sessionid>").count(), 2, "{answer}");
    simulators.stop().await;
}

#[tokio::test]
async fn what_goes_wrong_really_happens_on_the_wire() {
    let simulators = Simulators::start(&World::bulk(1, 1, 1), &ServerOptions::default()).await.unwrap();
    let once = |does| Fault::once(Trigger::Kind(Kind::Login), does);
    simulators.with(|stage| stage.gateway.faults_mut().add(once(Behaviour::Drop)));
    assert_eq!(call(&simulators.gateway_url, "POST", XML, &login()).await, "");
    simulators.with(|stage| stage.gateway.faults_mut().add(once(Behaviour::Cut(40))));
    let cut = call(&simulators.gateway_url, "POST", XML, &login()).await;
    let (head, body) = cut.split_once("\r\n\r\n").unwrap();
    assert_eq!(body.len(), 40);
    let announced: usize =
        head.split("Content-Length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
    assert!(announced > 40);
    simulators.with(|stage| stage.gateway.faults_mut().add(once(Behaviour::Trickle(200, 1))));
    assert!(call(&simulators.gateway_url, "POST", XML, &login()).await.ends_with("</response>"));
    simulators.with(|stage| stage.gateway.faults_mut().add(once(Behaviour::Silent)));
    let body = login();
    let silent = call(&simulators.gateway_url, "POST", XML, &body);
    assert!(tokio::time::timeout(Duration::from_millis(150), silent).await.is_err());
    assert_eq!(simulators.with(|stage| stage.gateway.stats().logins), 4);
    simulators.stop().await;
}

#[tokio::test]
async fn jaggaer_answers_over_a_socket() {
    let simulators = Simulators::start(&World::demo(1), &ServerOptions::default()).await.unwrap();
    let form = "grant_type=client_credentials&client_id=tollgate&client_secret=jaggaer-Secret-demo";
    let answer = call(&simulators.token_url, "POST", "Content-Type: application/x-www-form-urlencoded\r\n", form).await;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let token: serde_json::Value = serde_json::from_str(body).unwrap();
    let bearer = format!("Authorization: Bearer {}\r\n", token["access_token"].as_str().unwrap());
    let list = format!("{}/ji/v1/invoices?start=1", simulators.jaggaer_base);
    assert!(call(&list, "GET", &bearer, "").await.contains("\"returnedRecords\":64"));
    assert!(call(&list, "POST", &bearer, "{}").await.starts_with("HTTP/1.1 405"));
    assert!(call(&list, "GET", "", "").await.starts_with("HTTP/1.1 401"));
    let discovery = format!("{}/.well-known/openid-configuration", simulators.issuer);
    assert!(call(&discovery, "GET", "", "").await.contains(&simulators.token_url));
    simulators.stop().await;
}

#[tokio::test]
async fn one_can_look_inside_and_interfere() {
    let world = World::demo(1);
    let simulators = Simulators::start(&world, &ServerOptions::default()).await.unwrap();
    let get = async |path: &str| {
        let answer = call(&format!("{}{path}", simulators.admin_url), "GET", "", "").await;
        serde_json::from_str::<serde_json::Value>(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    };
    let post = async |path: &str, body: &str| call(&format!("{}{path}", simulators.admin_url), "POST", "", body).await;
    assert_eq!(get("/sim").await["gateway_url"], simulators.gateway_url);
    let bills = get("/sim/ledger").await;
    assert_eq!(bills["bills"].as_array().unwrap().len(), world.bills.len());
    let record_no = bills["bills"][0]["record_no"].as_u64().unwrap();
    assert!(post("/sim/people", &format!("{{\"delete\": {record_no}}}")).await.starts_with("HTTP/1.1 200"));
    assert_eq!(get("/sim/ledger").await["deleted"].as_array().unwrap().len(), 1);
    assert!(post("/sim/people", "{\"delete\": 1}").await.contains("there is no bill 1"));
    assert!(
        post("/sim/faults", "[{\"when\": \"always\", \"does\": {\"unavailable\": 503}}]").await.contains("\"added\":1")
    );
    assert!(call(&simulators.gateway_url, "POST", XML, &login()).await.starts_with("HTTP/1.1 503"));
    assert!(post("/sim/troubles", "{\"on\": \"token\", \"does\": \"drop\"}").await.contains("\"added\":1"));
    assert_eq!(call(&simulators.token_url, "POST", "", "").await, "");
    let id = world.expected.invoices[0].jaggaer_id;
    assert!(post("/sim/invoices", &format!("{{\"withdraw\": {id}}}")).await.contains("[true]"));
    assert_eq!(get("/sim/stats").await["gateway"]["requests"], 1);
    assert_eq!(get("/sim/expected").await["invoices"].as_array().unwrap().len(), world.invoices.len());
    assert!(post("/sim/faults", "not json").await.starts_with("HTTP/1.1 400"));
    assert!(post("/sim/nothing", "{}").await.starts_with("HTTP/1.1 404"));
    simulators.stop().await;
}
