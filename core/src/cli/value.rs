//! Values of credentials: from files and from the standard input, never from arguments.

use std::io::{IsTerminal, Read};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::args::SetSecretArgs;
use crate::secret::{Credential, CredentialKind, KeySource, SecretText};

/// The most that is read of a value, in bytes.
const MOST: u64 = 48 << 10;

/// Where the environment says that the master key is.
pub(super) fn master_key() -> Option<KeySource> {
    const KEY: &str = "WINDLASS_MASTER_KEY";
    const FILE: &str = "WINDLASS_MASTER_KEY_FILE";
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if is_set(KEY) {
        return Some(KeySource::Environment(KEY.to_owned()));
    }
    std::env::var_os(FILE).filter(|_| is_set(FILE)).map(|file| KeySource::File(file.into()))
}

/// The credential that the arguments describe.
pub(super) fn credential(args: &SetSecretArgs) -> Result<Credential, String> {
    refuse_what_has_no_place(args)?;
    let needed = |given: &Option<String>, option: &str| {
        let kind = args.kind.as_str();
        given.clone().ok_or_else(|| format!("a credential of the kind {kind} needs {option}"))
    };
    let passphrase = || args.passphrase_from.as_deref().map(text_of).transpose();
    Ok(match args.kind {
        CredentialKind::UserPassword => {
            Credential::UserPassword { user: needed(&args.user, "--user")?, password: main_text(args)? }
        }
        CredentialKind::Token => Credential::Token { token: main_text(args)? },
        CredentialKind::SshKey => Credential::SshKey {
            user: args.user.clone(),
            private_key: main_text(args)?,
            passphrase: passphrase()?,
            known_hosts: args.known_hosts.as_deref().map(text_of).transpose()?.map(|text| text.expose().to_owned()),
        },
        CredentialKind::Kubeconfig => {
            Credential::Kubeconfig { config: main_text(args)?, context: args.context.clone() }
        }
        CredentialKind::Pkcs12 => Credential::Pkcs12 {
            archive: STANDARD.encode(&*main_bytes(args)?).into(),
            password: passphrase()?.ok_or("a credential of the kind pkcs12 needs --passphrase-from")?,
        },
        CredentialKind::Registry => Credential::Registry {
            server: needed(&args.server, "--server")?,
            user: needed(&args.user, "--user")?,
            password: main_text(args)?,
        },
        CredentialKind::Opaque if args.values.is_empty() => Credential::opaque(main_text(args)?.expose()),
        CredentialKind::Opaque => {
            let values = args.values.iter().map(|(key, file)| Ok((key.clone(), text_of(file)?)));
            Credential::Opaque { values: values.collect::<Result<_, String>>()? }
        }
    })
}

/// An option that the kind has no use for is a mistake: what it says would be lost.
fn refuse_what_has_no_place(args: &SetSecretArgs) -> Result<(), String> {
    use CredentialKind as K;
    let given = [
        ("--user", args.user.is_some(), [K::UserPassword, K::Registry, K::SshKey].as_slice()),
        ("--server", args.server.is_some(), &[K::Registry]),
        ("--context", args.context.is_some(), &[K::Kubeconfig]),
        ("--passphrase-from", args.passphrase_from.is_some(), &[K::SshKey, K::Pkcs12]),
        ("--known-hosts", args.known_hosts.is_some(), &[K::SshKey]),
        ("--value", !args.values.is_empty(), &[K::Opaque]),
    ];
    match given.into_iter().find(|(_, given, kinds)| *given && !kinds.contains(&args.kind)) {
        Some((option, ..)) => Err(format!("{option} has no place in a credential of the kind {}", args.kind.as_str())),
        None => Ok(()),
    }
}

/// A credential of one value, from a file.
pub(super) fn opaque(file: &Path) -> Result<Credential, String> {
    Ok(Credential::opaque(text_of(file)?.expose()))
}

fn main_text(args: &SetSecretArgs) -> Result<SecretText, String> {
    match &args.from {
        Some(file) => text_of(file),
        None => text(&main_bytes(args)?, "the standard input"),
    }
}

fn main_bytes(args: &SetSecretArgs) -> Result<Zeroizing<Vec<u8>>, String> {
    if let Some(file) = &args.from {
        return bytes_of(file);
    }
    let input = std::io::stdin();
    if input.is_terminal() {
        return typed();
    }
    read(input.lock(), "the standard input")
}

/// Asks a person, who does not see what is typed.
fn typed() -> Result<Zeroizing<Vec<u8>>, String> {
    let terminal = console::Term::stderr();
    let asked = terminal.write_str("Value (not shown): ").and_then(|()| terminal.read_secure_line());
    let line = Zeroizing::new(asked.map_err(|error| format!("the value cannot be read: {error}"))?);
    Ok(Zeroizing::new(line.as_bytes().to_vec()))
}

fn text_of(file: &Path) -> Result<SecretText, String> {
    text(&bytes_of(file)?, &file.display().to_string())
}

fn bytes_of(file: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let place = file.display().to_string();
    let opened = std::fs::File::open(file).map_err(|error| format!("{place} cannot be read: {error}"))?;
    read(opened, &place)
}

fn read(from: impl Read, place: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut bytes = Zeroizing::new(Vec::new());
    from.take(MOST + 1).read_to_end(&mut bytes).map_err(|error| format!("{place} cannot be read: {error}"))?;
    if bytes.len() as u64 > MOST {
        return Err(format!("{place} has more than {} KiB, the most that a credential may have", MOST >> 10));
    }
    Ok(bytes)
}

/// The text, without the line end when it is a single line.
fn text(bytes: &[u8], place: &str) -> Result<SecretText, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| format!("{place} is not text (UTF-8)"))?;
    let line = text.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    Ok(SecretText::new(line.filter(|line| !line.contains('\n')).unwrap_or(text)))
}
