//! Helpers shared by the end-to-end tests: find the binary, make namespaces, drive a browser.
