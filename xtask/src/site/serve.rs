//! Serves a folder on the loopback interface, for whoever reads the site that they have built.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Component, Path, PathBuf},
    sync::Arc,
    thread,
};

use crate::run::{During, Outcome};

/// The longest request line that is read, in bytes.
const LONGEST: u64 = 8192;

/// Serves until it is interrupted.
pub(super) fn on(port: u16, folder: &Path) -> Outcome {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).during(format!("listening on port {port}"))?;
    println!("site: http://127.0.0.1:{port}/ (Ctrl-C ends it)");
    let folder: Arc<Path> = folder.into();
    for stream in listener.incoming() {
        let stream = stream.during("a connection")?;
        let folder = Arc::clone(&folder);
        thread::spawn(move || {
            // A browser that goes away in the middle of an answer is no fault.
            let _ = answer(stream, &folder);
        });
    }
    Ok(())
}

/// Answers one request and ends the connection.
fn answer(mut stream: TcpStream, folder: &Path) -> std::io::Result<()> {
    let mut reader = BufReader::new(std::io::Read::take(stream.try_clone()?, LONGEST));
    let mut line = String::new();
    reader.read_line(&mut line)?;
    // The rest of the request, so that the connection ends well.
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let path = line.split(' ').nth(1).unwrap_or("/");
    let (status, file) = match file_for(folder, path) {
        Some(file) => ("200 OK", file),
        None => ("404 Not Found", folder.join("404.html")),
    };
    let body = fs::read(&file).unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {}\r\ncontent-length: {}\r\ncache-control: no-cache\r\nconnection: close\r\n\r\n",
        media_type(&file),
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)
}

/// The file that a path means, if it is one inside the folder.
fn file_for(folder: &Path, path: &str) -> Option<PathBuf> {
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_start_matches('/');
    let is_inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    let file = folder.join(path);
    let file = if file.is_dir() { file.join("index.html") } else { file };
    (is_inside && file.is_file()).then_some(file)
}

/// The media type of a file by its ending.
fn media_type(file: &Path) -> &'static str {
    match file.extension().and_then(|ending| ending.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::file_for;

    #[test]
    fn only_files_inside_the_folder_are_served() {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("site");
        fs::create_dir_all(site.join("a")).unwrap();
        for path in ["index.html", "a/index.html"] {
            fs::write(site.join(path), "").unwrap();
        }
        fs::write(folder.path().join("secret"), "").unwrap();
        assert_eq!(file_for(&site, "/").unwrap(), site.join("index.html"));
        assert_eq!(file_for(&site, "/a/?x#y").unwrap(), site.join("a/index.html"));
        for outside in ["/../secret", "/a/../../secret", "/nothing"] {
            assert_eq!(file_for(&site, outside), None);
        }
    }
}
