//! Whose certificates the client takes.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use drover::model::ContextId;
use drover::ox::{ClientSettings, OxApi, OxError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::ox_server::{client, returning};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// Starts a server with a certificate of the test authority; answers settings for it and a count of
/// the requests it could read.
pub(crate) async fn start() -> (ClientSettings, Arc<AtomicUsize>) {
    let chain = CertificateDer::pem_file_iter(fixture("server.pem"))
        .unwrap()
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    let key = PrivateKeyDer::from_pem_file(fixture("server.key")).unwrap();
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = Vec::new();
            while !request.ends_with(b"</soap:Envelope>") {
                if stream.read_buf(&mut request).await.unwrap() == 0 {
                    break;
                }
            }
            count.fetch_add(1, Ordering::SeqCst);
            let body = returning("exists", "true");
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", body.len());
            let answer = format!("{head}Connection: close\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    (ClientSettings::new(url.parse().unwrap()), requests)
}

#[tokio::test]
async fn an_unknown_authority_is_unreachable_and_sees_no_request() {
    let (settings, requests) = start().await;
    let error = client(&settings).context_exists(ContextId(1)).await.unwrap_err();
    assert!(
        matches!(&error, OxError::Unreachable { reason, .. } if reason.contains("certificate")),
        "{error:?}"
    );
    assert_eq!(requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_authority_from_the_settings_is_trusted() {
    let (mut settings, requests) = start().await;
    settings.ca_file = Some(fixture("ca.pem"));
    assert!(client(&settings).context_exists(ContextId(1)).await.unwrap());
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn any_certificate_is_taken_if_the_settings_insist() {
    let (mut settings, _) = start().await;
    settings.accept_invalid_certs = true;
    assert!(client(&settings).context_exists(ContextId(1)).await.unwrap());
}
