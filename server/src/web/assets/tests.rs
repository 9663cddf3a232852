//! What a browser sees of the assets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Request, StatusCode},
};
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::{Assets, EmbeddedAsset};

static FILES: &[EmbeddedAsset] = &[
    EmbeddedAsset {
        logical: "switchboard.js",
        served: "switchboard.0a.js",
        identity: b"the script",
        brotli: Some(b"brotli"),
        gzip: Some(b"gzip"),
    },
    EmbeddedAsset {
        logical: "switchboard_bg.wasm",
        served: "switchboard.0a_bg.wasm",
        identity: b"\0asm",
        brotli: None,
        gzip: None,
    },
    EmbeddedAsset {
        logical: "favicon.svg",
        served: "favicon.0b.svg",
        identity: b"<svg/>",
        brotli: None,
        gzip: Some(b"zipped"),
    },
];

const SCRIPT: &str = "/pkg/switchboard.0a.js";

async fn answer(assets: &Assets, method: &str, path: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, Bytes) {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let routes: Router = assets.routes();
    let response = routes.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    (head.status, head.headers, body.collect().await.unwrap().to_bytes())
}

#[tokio::test]
async fn a_file_may_be_kept_for_ever() {
    let assets = Assets::from_table(FILES);
    let (status, headers, body) = answer(&assets, "GET", SCRIPT, &[]).await;
    assert_eq!((status, &body[..]), (StatusCode::OK, &b"the script"[..]));
    assert_eq!(headers["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(headers["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(headers["vary"], "accept-encoding");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert!(!headers.contains_key("content-encoding"));
    let (_, headers, _) = answer(&assets, "GET", "/pkg/switchboard.0a_bg.wasm", &[]).await;
    assert_eq!(headers["content-type"], "application/wasm");
}

#[tokio::test]
async fn the_encoding_is_the_one_the_client_likes_best() {
    let assets = Assets::from_table(FILES);
    for (accepted, encoding, content) in [
        ("gzip, deflate, br, zstd", Some("br"), "brotli"),
        ("BR", Some("br"), "brotli"),
        ("gzip", Some("gzip"), "gzip"),
        ("x-gzip", Some("gzip"), "gzip"),
        ("br;q=0.5, gzip;q=0.8", Some("gzip"), "gzip"),
        ("br;q=0, gzip", Some("gzip"), "gzip"),
        ("br;q=0, gzip ; q=0.0", None, "the script"),
        ("*", Some("br"), "brotli"),
        ("*, br;q=0", Some("gzip"), "gzip"),
        ("identity, br;q=0.5", None, "the script"),
        ("identity;q=0", None, "the script"),
        ("br;q=2, gzip;q=x", None, "the script"),
        ("deflate", None, "the script"),
        ("", None, "the script"),
    ] {
        let (status, headers, body) = answer(&assets, "GET", SCRIPT, &[("accept-encoding", accepted)]).await;
        assert_eq!(status, StatusCode::OK);
        let found = headers.get("content-encoding").map(|value| value.to_str().unwrap());
        assert_eq!((found, &body[..]), (encoding, content.as_bytes()), "for {accepted:?}");
    }
}

#[tokio::test]
async fn several_header_lines_count_as_one() {
    let lines = [("accept-encoding", "br;q=0"), ("accept-encoding", "gzip")];
    let (_, headers, _) = answer(&Assets::from_table(FILES), "GET", SCRIPT, &lines).await;
    assert_eq!(headers["content-encoding"], "gzip");
}

#[tokio::test]
async fn a_file_the_client_has_is_not_sent_again() {
    let assets = Assets::from_table(FILES);
    let (_, headers, _) = answer(&assets, "GET", SCRIPT, &[("accept-encoding", "br")]).await;
    let tag = headers["etag"].to_str().unwrap().to_owned();

    let known = format!("\"other\", W/{tag}");
    let (status, headers, body) =
        answer(&assets, "GET", SCRIPT, &[("accept-encoding", "br"), ("if-none-match", &known)]).await;
    assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(headers["etag"], tag);
    assert_eq!(headers["vary"], "accept-encoding");
    assert!(headers.contains_key("cache-control"));

    let (status, _, _) = answer(&assets, "GET", SCRIPT, &[("accept-encoding", "gzip"), ("if-none-match", &tag)]).await;
    assert_eq!(status, StatusCode::OK, "another encoding is another representation");
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let assets = Assets::from_table(FILES);
    let (status, headers, body) = answer(&assets, "HEAD", SCRIPT, &[("accept-encoding", "br")]).await;
    assert_eq!((status, body.len()), (StatusCode::OK, 0));
    assert_eq!(headers["content-length"], "6");
    let (status, _, _) = answer(&assets, "POST", SCRIPT, &[]).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn the_favicon_is_found_without_its_hash() {
    let assets = Assets::from_table(FILES);
    for path in ["/favicon.ico", "/favicon.svg"] {
        let (status, headers, body) = answer(&assets, "GET", path, &[]).await;
        assert_eq!((status, &body[..]), (StatusCode::OK, &b"<svg/>"[..]));
        assert_eq!(headers["content-type"], "image/svg+xml");
        assert_eq!(headers["cache-control"], "public, max-age=86400");
    }
    let (status, _, _) = answer(&Assets::from_table(&[]), "GET", "/favicon.ico", &[]).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn nothing_but_the_files_is_found() {
    let assets = Assets::from_table(FILES);
    for path in ["/pkg/switchboard.js", "/pkg/../Cargo.toml", "/pkg/%2e%2e/Cargo.toml", "/pkg//etc/passwd", "/pkg/a/b"]
    {
        let (status, headers, _) = answer(&assets, "GET", path, &[]).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(headers["cache-control"], "no-store");
    }
}

#[test]
fn pages_learn_the_names() {
    let assets = Assets::from_table(FILES);
    assert_eq!(assets.href("switchboard.js").as_deref(), Some(SCRIPT));
    assert_eq!(assets.href("missing.css"), None);
    assert_eq!(assets.output_name(), "switchboard.0a");
    assert!(assets.has_front_end());
    let none = Assets::from_table(&[]);
    assert_eq!(none.output_name(), "switchboard");
    assert!(!none.has_front_end());
}

#[tokio::test]
async fn the_folder_of_cargo_leptos_is_served_as_it_is_now() {
    let outside = tempfile::tempdir().unwrap();
    let root = outside.path().join("site");
    fs::create_dir_all(root.join("pkg")).unwrap();
    fs::write(outside.path().join("secret.txt"), "secret").unwrap();
    fs::write(root.join("pkg/switchboard.css"), "one").unwrap();
    fs::write(root.join("echarts.min.js"), "charts").unwrap();
    let assets = Assets::in_folder(&root);
    assert_eq!(assets.href("main.css").as_deref(), Some("/pkg/switchboard.css"));
    assert_eq!(assets.href("echarts.min.js").as_deref(), Some("/pkg/echarts.min.js"));
    assert_eq!(assets.href("missing.js"), None);

    let (_, headers, body) = answer(&assets, "GET", "/pkg/switchboard.css", &[]).await;
    assert_eq!((&headers["cache-control"], &body[..]), (&"no-cache".parse().unwrap(), &b"one"[..]));
    fs::write(root.join("pkg/switchboard.css"), "two").unwrap();
    let (_, _, body) = answer(&assets, "GET", "/pkg/switchboard.css", &[]).await;
    assert_eq!(&body[..], b"two");
    let (_, _, body) = answer(&assets, "GET", "/pkg/echarts.min.js", &[]).await;
    assert_eq!(&body[..], b"charts");
    let secret = format!("/pkg/{}", outside.path().join("secret.txt").display());
    for path in ["/pkg/../secret.txt", "/pkg/..%2f..%2fsecret.txt", &secret] {
        let (status, _, _) = answer(&assets, "GET", path, &[]).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
}
