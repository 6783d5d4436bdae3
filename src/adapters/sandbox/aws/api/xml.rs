//! The XML that S3 and Route 53 are sent: small documents of elements and texts, read into a tree.

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// The first element at the end of a path of names.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Element> {
        path.iter().try_fold(self, |here, name| here.children.iter().find(|child| child.name == *name))
    }

    /// Text at the end of a path; empty where there is none.
    pub(super) fn text_at(&self, path: &[&str]) -> &str {
        self.at(path).map_or("", |found| &found.text)
    }

    /// All children of a name.
    pub(super) fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Element> {
        self.children.iter().filter(move |child| child.name == name)
    }
}

/// The document's root; none where this is no XML.
pub(super) fn parse(text: &str) -> Option<Element> {
    let mut open: Vec<Element> = vec![Element::default()];
    let mut rest = text;
    while let Some(begin) = rest.find('<') {
        open.last_mut()?.text.push_str(&plain(&rest[..begin]));
        let end = begin + rest[begin..].find('>')?;
        let tag = &rest[begin + 1..end];
        rest = &rest[end + 1..];
        if tag.starts_with(['?', '!']) {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            let done = open.pop().filter(|element| element.name == name.trim())?;
            open.last_mut()?.children.push(done);
            continue;
        }
        let (tag, closed) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let name = tag.split_whitespace().next()?.to_owned();
        let element = Element { name, ..Element::default() };
        match closed {
            true => open.last_mut()?.children.push(element),
            false => open.push(element),
        }
    }
    let [document] = &mut open[..] else { return None };
    (document.children.len() == 1).then(|| document.children.remove(0))
}

fn plain(text: &str) -> String {
    let text = text.trim();
    if !text.contains('&') {
        return text.to_owned();
    }
    let known = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#34;", "\""), ("&apos;", "'"), ("&#13;", "\r")];
    let text = known.iter().fold(text.to_owned(), |text, (entity, plain)| text.replace(entity, plain));
    text.replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_becomes_a_tree() {
        let read = parse(
            "<?xml version=\"1.0\"?><A xmlns=\"x\"><B><C>1 &lt; 2 &amp;amp;</C><D/></B>\n<B><C>&quot;e&quot;</C></B></A>",
        )
        .unwrap();
        assert_eq!(read.all("B").map(|b| b.text_at(&["C"])).collect::<Vec<_>>(), ["1 < 2 &amp;", "\"e\""]);
        assert!(read.at(&["B", "D"]).is_some() && read.at(&["C"]).is_none());
        for broken in ["", "<A>", "<A></B>", "text", "<A></A><B></B>", "<A", "</A>"] {
            assert_eq!(parse(broken), None, "{broken}");
        }
    }
}
