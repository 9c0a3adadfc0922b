//! Diagnostics as SARIF 2.1.0, for code scanning and editors.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::codes;
use crate::diagnostic::{Diagnostic, Place, Severity};
use crate::source::SourceMap;

/// The diagnostics as a SARIF 2.1.0 log of one run, indented, with a final line break.
///
/// `version` is that of the program that found them. Places are 1-based; columns count characters, which the log says
/// in `columnKind`. A diagnostic without a place has no location.
pub fn render_sarif(diagnostics: &[Diagnostic], sources: &SourceMap, version: &str) -> String {
    let used: Vec<&str> =
        diagnostics.iter().map(|diagnostic| &*diagnostic.code).collect::<BTreeSet<_>>().into_iter().collect();
    let rules: Vec<Value> = used.iter().map(|code| rule(code)).collect();
    let results: Vec<Value> = diagnostics
        .iter()
        .map(|diagnostic| {
            let index = used.binary_search(&&*diagnostic.code).unwrap_or_default();
            result(diagnostic, index, sources)
        })
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "khutulun", "semanticVersion": version, "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    let mut text = serde_json::to_string_pretty(&log).expect("a log of strings and numbers serializes");
    text.push('\n');
    text
}

fn rule(code: &str) -> Value {
    let mut rule = json!({ "id": code });
    if let Some(known) = codes::find(code) {
        rule["shortDescription"] = json!({ "text": known.summary });
        rule["help"] = json!({ "text": known.page, "markdown": known.page });
    }
    rule
}

fn result(diagnostic: &Diagnostic, rule: usize, sources: &SourceMap) -> Value {
    let level = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    // Readers of SARIF show the message alone, so it also has what is written beside the carets and below.
    let mut message = diagnostic.message.clone();
    for hint in &diagnostic.hints {
        message.push_str("\nhint: ");
        message.push_str(hint);
    }
    let mut result = json!({
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": level,
        "message": { "text": message },
    });
    if let Some(place) = &diagnostic.primary {
        result["locations"] = json!([location(place, None, sources)]);
    }
    if !diagnostic.related.is_empty() {
        let related: Vec<Value> = diagnostic
            .related
            .iter()
            .enumerate()
            .map(|(id, place)| location(place, Some(id), sources))
            .collect();
        result["relatedLocations"] = json!(related);
    }
    if let Some(chapter) = &diagnostic.chapter {
        result["properties"] = json!({ "chapter": chapter });
    }
    result
}

fn location(place: &Place, id: Option<usize>, sources: &SourceMap) -> Value {
    let found = sources.location(place.span);
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(&found.file) },
            "region": {
                "startLine": found.start.line,
                "startColumn": found.start.column,
                "endLine": found.end.line,
                "endColumn": found.end.column,
            },
        },
    });
    if let Some(id) = id {
        location["id"] = json!(id);
    }
    if !place.label.is_empty() {
        location["message"] = json!({ "text": place.label });
    }
    location
}

/// A file's name as a URI reference: what a URI cannot have is escaped, and a URL stays one.
fn uri(name: &str) -> String {
    let mut uri = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => uri.push(char::from(byte)),
            b'-' | b'.' | b'_' | b'~' | b'/' | b':' | b'!' | b'@' | b'+' | b',' | b'=' => {
                uri.push(char::from(byte))
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    // A colon in the first part of a relative path would be a scheme's.
    match uri.find([':', '/']) {
        Some(at) if uri[at..].starts_with(':') && !uri[at..].starts_with("://") => format!("./{uri}"),
        _ if name.starts_with('/') => format!("file://{uri}"),
        _ => uri,
    }
}
