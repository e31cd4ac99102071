//! What terminal servers say, in the wordings met in the field. Lines are compared as bytes, ASCII letters of either case being the same;
//! Japanese words stand here in UTF-8, Shift_JIS and EUC-JP.

use super::super::text::contains;

const PASSWORD: &[&[u8]] = &[
    b"password",
    b"passwd",
    b"passcode",
    b"passphrase",
    b"passwort",
    b"kennwort",
    b"contrase",
    b"mot de passe",
    b"senha",
    b"parola",
    "パスワード".as_bytes(),
    b"\x83\x70\x83\x58\x83\x8f\x81\x5b\x83\x68",
    b"\xa5\xd1\xa5\xb9\xa5\xef\xa1\xbc\xa5\xc9",
    "暗証番号".as_bytes(),
    "密码".as_bytes(),
    "암호".as_bytes(),
];

const USER: &[&[u8]] = &[
    b"login",
    b"user",
    b"account",
    b"logon",
    b"benutzer",
    b"usuario",
    b"utilisateur",
    b"name",
    "ユーザ".as_bytes(),
    b"\x83\x86\x81\x5b\x83\x55",
    b"\xa5\xe6\xa1\xbc\xa5\xb6",
    "ログイン".as_bytes(),
    b"\x83\x8d\x83\x4f\x83\x43\x83\x93",
    b"\xa5\xed\xa5\xb0\xa5\xa4\xa5\xf3",
    "用户".as_bytes(),
];

const REFUSED: &[&[u8]] = &[
    b"incorrect",
    b"fail",
    b"denied",
    b"invalid",
    b"bad password",
    b"bad user",
    b"wrong",
    b"not permitted",
    b"not allowed",
    b"try again",
    b"refused",
    b"rejected",
    b"unknown user",
    b"locked",
    b"unsuccessful",
    b"not authorized",
    b"unauthorized",
    b"error",
    "失敗".as_bytes(),
    "違います".as_bytes(),
    "間違".as_bytes(),
    "正しくありません".as_bytes(),
    "不正".as_bytes(),
    "拒否".as_bytes(),
    "できません".as_bytes(),
    // 失敗, 違います, 正しく in Shift_JIS, then in EUC-JP
    b"\x8e\xb8\x94\x73",
    b"\x88\xe1\x82\xa2\x82\xdc\x82\xb7",
    b"\x90\xb3\x82\xb5\x82\xad",
    b"\xbc\xba\xc7\xd4",
    b"\xb0\xe3\xa4\xa4\xa4\xde\xa4\xb9",
    b"\xc0\xb5\xa4\xb7\xa4\xaf",
];

const LET_IN: &[&[u8]] = &[
    b"last login",
    b"welcome",
    b"logged in",
    b"login successful",
    b"login ok",
    b"successful",
    b"busybox",
    b"built-in shell",
    "ようこそ".as_bytes(),
    "成功".as_bytes(),
    "ログインしました".as_bytes(),
    b"\x82\xe6\x82\xa4\x82\xb1\x82\xbb",
    b"\x90\xac\x8c\xf7",
    b"\xa4\xe8\xa4\xa6\xa4\xb3\xa4\xbd",
    b"\xc0\xae\xb8\xf9",
];

/// What an unfinished line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// A user name.
    User,
    /// A password.
    Password,
    /// A command: somebody was let in.
    Shell,
}

/// What the cursor stands behind, where it is a prompt.
pub fn prompt(line: &[u8]) -> Option<Prompt> {
    let line = line.trim_ascii();
    let tail = line.get(line.len().saturating_sub(64)..).unwrap_or(line);
    // A colon may be full-width: in UTF-8, Shift_JIS, EUC-JP.
    let asks = [&b":"[..], b"?", b"]", "：".as_bytes(), b"\x81\x46", b"\xa1\xa7"].iter().any(|c| tail.ends_with(c));
    let angle = tail.ends_with(b">");
    if (asks || angle) && PASSWORD.iter().any(|w| contains(tail, w)) {
        return Some(Prompt::Password);
    }
    let user = |tail: &[u8]| !contains(tail, b"last login") && USER.iter().any(|w| contains(tail, w));
    if asks && user(tail) {
        return Some(Prompt::User);
    }
    let before = tail.strip_suffix(b">").map(<[u8]>::trim_ascii_end);
    if before.is_some_and(|b| [&b"login"[..], b"username", b"user"].iter().any(|w| b.eq_ignore_ascii_case(w))) {
        return Some(Prompt::User);
    }
    // A line of one mark only could be anything, a rule of marks is an ornament.
    match tail {
        [.., before, b'#' | b'$' | b'%' | b'>'] if !matches!(before, b'#' | b'*' | b'=' | b'-') => Some(Prompt::Shell),
        [b'#' | b'$' | b'%' | b'>'] => Some(Prompt::Shell),
        _ => None,
    }
}

/// The line tells that a login was refused.
pub fn refuses(line: &[u8]) -> bool {
    REFUSED.iter().any(|w| contains(line, w))
}

/// The line tells that somebody was let in.
pub fn lets_in(line: &[u8]) -> bool {
    LET_IN.iter().any(|w| contains(line, w))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts() {
        for user in [
            "login: ",
            "srv1 login:",
            "Username: ",
            "User:",
            "User Name : ",
            "ユーザー名：",
            "Login>",
            "ログイン: ",
            "Account:",
            "login as:",
        ] {
            assert_eq!(prompt(user.as_bytes()), Some(Prompt::User), "{user}");
        }
        for password in ["Password:", "password: ", "Enter password for admin:", "パスワード：", "login password:", "Passwd>"] {
            assert_eq!(prompt(password.as_bytes()), Some(Prompt::Password), "{password}");
        }
        assert_eq!(prompt(b"\x83\x70\x83\x58\x83\x8f\x81\x5b\x83\x68: "), Some(Prompt::Password));
        assert_eq!(prompt(b"\xa5\xd1\xa5\xb9\xa5\xef\xa1\xbc\xa5\xc9\xa1\xa7"), Some(Prompt::Password));
        for shell in ["# ", "$ ", "root@cam:~# ", "Router>", "switch#", "C:\\>", "[user@h ~]$ "] {
            assert_eq!(prompt(shell.as_bytes()), Some(Prompt::Shell), "{shell}");
        }
        for none in ["", "Last login:", "Welcome", "##########", "*** #", "hello"] {
            assert_ne!(prompt(none.as_bytes()), Some(Prompt::User), "{none}");
        }
    }

    #[test]
    fn verdicts() {
        for no in ["Login incorrect", "% Authentication failed", "Access denied", "パスワードが違います", "ログインに失敗しました"]
        {
            assert!(refuses(no.as_bytes()), "{no}");
        }
        assert!(refuses(b"\x8e\xb8\x94\x73") && refuses(b"\xbc\xba\xc7\xd4"));
        for yes in ["Last login: Tue", "Welcome to Linux", "BusyBox v1.2", "ようこそ"] {
            assert!(lets_in(yes.as_bytes()) && !refuses(yes.as_bytes()), "{yes}");
        }
    }
}
