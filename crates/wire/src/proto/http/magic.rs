//! What a body is by its first bytes, whatever its type says: a device that fetches an "image" which is a program is worth knowing of.
//!
//! Binary forms are known by their signatures; text is looked at as a browser does, behind blanks and a byte order mark (WHATWG MIME Sniffing,
//! 7). The words are few on purpose, so that rules can name them.

/// Bytes of a body that are looked at: enough for the mark of a tar archive.
pub const LOOKED_AT: usize = 264;

const SIGNATURES: &[(&[u8], &str)] = &[
    (b"MZ", "executable"),
    (b"\x7fELF", "executable"),
    (b"\xfe\xed\xfa\xce", "executable"),
    (b"\xfe\xed\xfa\xcf", "executable"),
    (b"\xce\xfa\xed\xfe", "executable"),
    (b"\xcf\xfa\xed\xfe", "executable"),
    (b"\xca\xfe\xba\xbe", "executable"),
    (b"dex\n", "executable"),
    (b"\0asm", "executable"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b\x08", "gzip"),
    (b"BZh", "archive"),
    (b"\xfd7zXZ\0", "archive"),
    (b"7z\xbc\xaf\x27\x1c", "archive"),
    (b"Rar!\x1a\x07", "archive"),
    (b"\x28\xb5\x2f\xfd", "archive"),
    (b"MSCF\0\0\0\0", "archive"),
    (b"%PDF-", "pdf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "document"),
    (b"{\\rtf", "document"),
    (b"\x89PNG\r\n\x1a\n", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF87a", "image"),
    (b"GIF89a", "image"),
    (b"II*\0", "image"),
    (b"MM\0*", "image"),
    (b"\0\0\x01\0", "image"),
    (b"OggS\0", "audio"),
    (b"ID3", "audio"),
    (b"fLaC", "audio"),
    (b"FLV\x01", "video"),
    (b"\x1a\x45\xdf\xa3", "video"),
    (b"\0\0\x01\xba", "video"),
    (b"wOFF", "font"),
    (b"wOF2", "font"),
    (b"OTTO\0", "font"),
    (b"\0\x01\0\0", "font"),
    (b"SQLite format 3\0", "database"),
    (b"#!", "script"),
];

/// Beginnings of text, compared without regard to case.
const WORDS: &[(&[u8], &str)] = &[
    (b"<?xml", "xml"),
    (b"<?php", "script"),
    (b"<!doctype html", "html"),
    (b"<html", "html"),
    (b"<head", "html"),
    (b"<body", "html"),
    (b"<title", "html"),
    (b"<script", "html"),
    (b"<iframe", "html"),
    (b"<table", "html"),
    (b"<style", "html"),
    (b"<meta", "html"),
    (b"<div", "html"),
    (b"<h1", "html"),
    (b"<p>", "html"),
    (b"<a ", "html"),
    (b"<br", "html"),
    (b"<!--", "html"),
    (b"<svg", "image"),
    (b"@echo off", "script"),
    (b"function ", "script"),
    (b"function(", "script"),
    (b"(function", "script"),
    (b"!function", "script"),
    (b"\"use strict\"", "script"),
    (b"'use strict'", "script"),
    (b"var ", "script"),
    (b"<", "xml"),
];

/// The kind of a body, given its beginning (see [`LOOKED_AT`]); empty where there is nothing.
pub fn kind(begin: &[u8]) -> &'static str {
    if begin.is_empty() {
        return "";
    }
    if let Some((_, kind)) = SIGNATURES.iter().find(|(mark, _)| begin.starts_with(mark)) {
        return kind;
    }
    match (begin.get(..4), begin.get(4..8), begin.get(8..12)) {
        (Some(b"RIFF"), _, Some(b"WEBP")) => return "image",
        (Some(b"RIFF"), _, Some(b"WAVE")) => return "audio",
        (Some(b"RIFF"), ..) => return "video",
        (_, Some(b"ftyp"), _) => return "video",
        _ => {}
    }
    if begin.get(257..262) == Some(b"ustar") {
        return "archive";
    }
    // 14 bytes of header, among them two reserved words of zero.
    if begin.starts_with(b"BM") && begin.get(6..10) == Some(&[0; 4]) {
        return "image";
    }
    let text = begin.strip_prefix(b"\xef\xbb\xbf").unwrap_or(begin).trim_ascii_start();
    if text.is_empty() {
        return "text";
    }
    let word = |w: &[u8]| super::super::text::starts_with(text, w);
    if let Some((_, kind)) = WORDS.iter().find(|(w, _)| word(w)) {
        return kind;
    }
    if !is_text(text) {
        return "binary";
    }
    let inside = text.get(1..).unwrap_or_default().trim_ascii_start().first();
    match (text.first(), inside) {
        (Some(b'{'), Some(b'"' | b'}')) | (Some(b'['), Some(b'{' | b'[' | b'"' | b']' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n')) => "json",
        (Some(b'-'), Some(b'-')) if text.windows(10).any(|w| w.eq_ignore_ascii_case(b"\r\nContent-")) => "multipart",
        _ if is_form(text) => "form",
        _ => "text",
    }
}

/// No control characters but those of text; any character set.
fn is_text(bytes: &[u8]) -> bool {
    !bytes.iter().any(|b| matches!(b, 0..=8 | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f))
}

/// `name=value&…`: a name of few characters, and nothing that would have to be escaped in a form.
fn is_form(text: &[u8]) -> bool {
    let name = text.iter().position(|b| *b == b'=');
    name.is_some_and(|n| (1..=64).contains(&n)) && text.iter().all(|b| b.is_ascii_alphanumeric() || b"=&%+-_.*~[]()!'".contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        let tar = [&[b'a'; 100][..], &[0; 157], b"ustar\x0000"].concat();
        for (begin, expected) in [
            (&b""[..], ""),
            (b"MZ\x90\0", "executable"),
            (b"\x7fELF\x02", "executable"),
            (b"PK\x03\x04\x14", "zip"),
            (b"\x1f\x8b\x08\0", "gzip"),
            (&tar, "archive"),
            (b"%PDF-1.7", "pdf"),
            (b"\x89PNG\r\n\x1a\n\0", "image"),
            (b"RIFF\x10\0\0\0WEBPVP8 ", "image"),
            (b"RIFF\x10\0\0\0WAVEfmt ", "audio"),
            (b"\0\0\0\x18ftypmp42", "video"),
            (b"BM\x36\0\0\0\0\0\0\0\x36", "image"),
            (b"BMW drives", "text"),
            (b"\xef\xbb\xbf \r\n<!DOCTYPE HTML>", "html"),
            (b"<HTML><body>", "html"),
            (b"<?xml version=\"1.0\"?><root>", "xml"),
            (b"<soap:Envelope>", "xml"),
            (b"<?php system($_GET[1]);", "script"),
            (b"#!/bin/sh\n", "script"),
            (b"{\"a\": 1}", "json"),
            (b"[\n  {", "json"),
            (b"{}", "json"),
            (b"{ braces }", "text"),
            (b"user=a&password=b%20c", "form"),
            (b"--x\r\nContent-Disposition: form-data\r\n", "multipart"),
            (b"hello", "text"),
            ("工場の日報".as_bytes(), "text"),
            (b"\x8d\x48\x8f\xea", "text"),
            (b"\x01\x02\x03\x04", "binary"),
            (b"  \r\n", "text"),
        ] {
            assert_eq!(kind(begin), expected, "{begin:?}");
        }
    }
}
