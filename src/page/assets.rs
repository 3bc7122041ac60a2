//! What the pages load: one style, one script, one picture. Their names hold what is in them, so that a
//! browser keeps them for as long as they are the same.

use std::fmt::Write as _;
use std::sync::LazyLock;

use hyper::Response;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use sha2::{Digest as _, Sha256};

use super::with_headers;
use crate::admin::inside::{Body, whole};

/// A file in the program.
struct Asset {
    path: String,
    kind: &'static str,
    content: &'static str,
}

impl Asset {
    fn new(name: &str, end: &str, kind: &'static str, content: &'static str) -> Self {
        let digest = Sha256::digest(content.as_bytes());
        let print = digest.iter().take(6).fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        Self { path: format!("/ui/{name}-{print}.{end}"), kind, content }
    }
}

static ALL: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    [
        Asset::new("style", "css", "text/css; charset=utf-8", include_str!("style.css")),
        Asset::new("live", "js", "text/javascript; charset=utf-8", include_str!("live.js")),
        Asset::new("icon", "svg", "image/svg+xml", include_str!("icon.svg")),
    ]
});

/// Where the style is.
pub(super) fn style() -> &'static str {
    &ALL[0].path
}

/// Where the script is.
pub(super) fn script() -> &'static str {
    &ALL[1].path
}

/// Where the picture is.
pub(super) fn icon() -> &'static str {
    &ALL[2].path
}

/// The file of that path.
pub(super) fn find(path: &str) -> Option<Response<Body>> {
    let asset = ALL.iter().find(|asset| asset.path == path)?;
    let mut response = with_headers(Response::new(whole(asset.content)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    let keep = HeaderValue::from_static("public, max-age=31536000, immutable");
    headers.insert(CACHE_CONTROL, keep);
    Some(response)
}
