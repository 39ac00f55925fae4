//! Checks the built site: every link resolves to one of its files and to an anchor in it, and no
//! resource is loaded from another site.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use crate::run::{During, Outcome, fail};

/// The output of rustdoc. It checks its own links; here only links from pages to it are checked.
const RUSTDOC: &str = "reference/rust/";

/// Checks the pages in a folder.
pub(super) fn links(site: &Path) -> Outcome {
    let mut pages = BTreeMap::new();
    collect(site, site, &mut pages)?;
    let mut wrong = Vec::new();
    for (path, page) in pages.iter().filter(|(path, _)| !path.starts_with(RUSTDOC)) {
        for link in &page.links {
            wrong.extend(problem(site, &pages, path, link).map(|problem| format!("{path}: {link}: {problem}")));
        }
        wrong.extend(page.loaded.iter().map(|link| format!("{path}: {link}: comes from another site")));
    }
    for line in &wrong {
        println!("{line}");
    }
    match wrong.len() {
        0 => {
            println!("site: the links of {} pages lead somewhere", pages.len());
            Ok(())
        }
        count => fail(format!("broken links: {count}")),
    }
}

/// The contents of a page that are checked.
#[derive(Debug, Default, PartialEq, Eq)]
struct Page {
    /// The targets of its links, except those on other sites.
    links: BTreeSet<String>,
    /// Scripts, styles, fonts and pictures of other sites.
    loaded: BTreeSet<String>,
    /// Its anchors.
    anchors: BTreeSet<String>,
}

fn collect(site: &Path, folder: &Path, pages: &mut BTreeMap<String, Page>) -> Outcome {
    for entry in fs::read_dir(folder).during(folder.display())? {
        let path = entry.during(folder.display())?.path();
        if path.is_dir() {
            collect(site, &path, pages)?;
        } else if path.extension().is_some_and(|ending| ending == "html") {
            let name = path.strip_prefix(site).unwrap_or(&path).display().to_string();
            pages.insert(name, read(&fs::read_to_string(&path).during(path.display())?));
        }
    }
    Ok(())
}

/// Reads a page's HTML, as the tools of both languages write it.
fn read(html: &str) -> Page {
    let mut page = Page::default();
    for tag in html.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag) {
        let name = tag.split([' ', '\n']).next().unwrap_or_default();
        page.anchors.extend(attribute(tag, "id"));
        let link = attribute(tag, "href").or_else(|| attribute(tag, "src"));
        let Some(link) = link.filter(|link| !link.starts_with("data:") && !link.starts_with("mailto:")) else {
            continue;
        };
        match (name, link.contains("://") || link.starts_with("//")) {
            (_, false) => page.links.insert(link),
            ("a", true) => false,
            (_, true) => page.loaded.insert(link),
        };
    }
    page
}

/// The value of an attribute of a tag, with its entities read.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    Some(
        value
            .replace("&amp;", "&")
            .replace("&quot;", "\"")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&#39;", "'"),
    )
}

/// The problem of a link, if it has one.
fn problem(site: &Path, pages: &BTreeMap<String, Page>, from: &str, link: &str) -> Option<&'static str> {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let path = decoded(path.split('?').next().unwrap_or_default());
    let mut target = match path.strip_prefix('/') {
        _ if path.is_empty() => PathBuf::from(from),
        Some(path) => PathBuf::from(path),
        None => Path::new(from).parent().unwrap_or(Path::new("")).join(&path),
    };
    if site.join(&target).is_dir() {
        target = target.join("index.html");
    }
    let target = plain(&target)?;
    if !site.join(&target).is_file() {
        return Some("no such file");
    }
    let anchor = decoded(anchor);
    let page = pages.get(&target)?;
    (!anchor.is_empty() && !page.anchors.contains(&anchor)).then_some("no such place in the page")
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.to_str()?.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// A part of a URL with its `%41` read.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let digits = [ahead.next(), ahead.next()].map(|byte| byte.and_then(|byte| char::from(byte).to_digit(16)));
        match (byte, digits) {
            (b'%', [Some(high), Some(low)]) => {
                bytes.extend(u8::try_from(high * 16 + low));
                rest = ahead;
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::{decoded, links, read};

    #[test]
    fn links_loaded_files_and_places_are_read() {
        let page = read(
            "<h1 class=\"a\" id=\"top\">T</h1><a href=\"/b.html#c&amp;d\">b</a><a href=\"https://example.org\">e</a>\
             <script src=\"https://example.org/x.js\"></script><img src=\"data:image/png;base64,AA\">",
        );
        let set = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(page.links, set(&["/b.html#c&d"]));
        assert_eq!(page.loaded, set(&["https://example.org/x.js"]));
        assert_eq!(page.anchors, set(&["top"]));
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        assert_eq!(decoded("a%20b%2"), "a b%2");
    }

    #[test]
    fn links_that_lead_nowhere_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| fs::write(folder.path().join(path), text).unwrap();
        fs::create_dir(folder.path().join("b")).unwrap();
        write("a.html", "<a id=\"x\" href=\"/b/\"></a><a href=\"b/index.html#y\"></a><a href=\"#x\"></a>");
        write("b/index.html", "<a id=\"y\" href=\"../a.html#x\"></a>");
        links(folder.path()).unwrap();
        write("c.html", "<a href=\"/b/#z\"></a><a href=\"d.html\"></a><link href=\"https://example.org/f.css\">");
        assert_eq!(links(folder.path()).unwrap_err().0, "broken links: 3");
    }
}
