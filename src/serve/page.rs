//! The parts of the status page. It is written as it is served: no framework, no build step, nothing
//! from elsewhere.

/// Where each part is served, its media type, and its text.
pub(super) const PARTS: &[(&str, &str, &str)] = &[
    ("/", HTML, include_str!("page/page.html")),
    ("/page.css", "text/css; charset=utf-8", include_str!("page/page.css")),
    ("/page.js", SCRIPT, include_str!("page/page.js")),
    ("/page/detail.js", SCRIPT, include_str!("page/detail.js")),
    ("/page/dom.js", SCRIPT, include_str!("page/dom.js")),
    ("/page/holds.js", SCRIPT, include_str!("page/holds.js")),
    ("/page/limits.js", SCRIPT, include_str!("page/limits.js")),
    ("/page/live.js", SCRIPT, include_str!("page/live.js")),
    ("/page/past.js", SCRIPT, include_str!("page/past.js")),
    ("/page/scopes.js", SCRIPT, include_str!("page/scopes.js")),
    ("/page/standing.js", SCRIPT, include_str!("page/standing.js")),
    ("/page/trend.js", SCRIPT, include_str!("page/trend.js")),
    ("/page/words.js", SCRIPT, include_str!("page/words.js")),
];

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

#[cfg(test)]
mod tests {
    use super::*;

    /// What makes markup or code of text, or needs a weaker policy than the page is served with.
    const FORBIDDEN: &[&str] = &[
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "DOMParser",
        "setHTML",
        "createContextualFragment",
        "srcdoc",
        "eval(",
        "new Function",
        "javascript:",
        "import(",
        "http://",
        "https://",
        ".style",
        "cssText",
        " style=",
        " onclick=",
        " onload=",
        " onerror=",
        "<style",
        "@import",
        "url(",
    ];
    /// A name, which nothing is loaded from.
    const NAMESPACE: &str = "http://www.w3.org/2000/svg";

    fn forbidden(text: &str) -> Vec<&'static str> {
        let text = text.replace(NAMESPACE, "");
        FORBIDDEN.iter().copied().filter(|word| text.contains(word)).collect()
    }

    #[test]
    fn what_is_foreign_gets_into_the_page_as_text_and_nothing_comes_from_elsewhere() {
        for (path, _, text) in PARTS {
            assert_eq!(forbidden(text), Vec::<&str>::new(), "{path}");
        }
        assert_eq!(forbidden("row.innerHTML = name;"), ["innerHTML"], "a planted one is found");
    }

    #[test]
    fn a_script_is_a_file_and_every_file_can_be_read_in_one_sitting() {
        for (path, _, text) in PARTS {
            assert!(text.lines().count() <= 400, "{path}");
            for rest in text.split("<script").skip(1) {
                assert!(rest.contains("src=\"/page"), "{path}");
                assert!(rest.contains("></script>"), "{path}");
            }
        }
    }

    #[test]
    fn every_file_that_is_imported_is_served_and_every_file_is_used() {
        let served: Vec<&str> = PARTS.iter().map(|(path, ..)| *path).collect();
        let all: String = PARTS.iter().map(|(.., text)| *text).collect();
        for part in all.split("from \"").skip(1) {
            let path = part.split('"').next().unwrap();
            assert!(served.contains(&path), "{path} is imported and not served");
        }
        for path in served.iter().filter(|path| **path != "/") {
            assert!(all.contains(&format!("\"{path}\"")), "{path} is served and not used");
        }
    }
}
