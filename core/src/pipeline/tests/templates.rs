//! Variables in texts.

mod fuzzing;

use std::borrow::Cow;

use crate::pipeline::*;

/// `A` has a value, `EMPTY` an empty one, `t x.KEY` is an output, `BAD` cannot be known.
struct Values;

impl Scope for Values {
    fn value(&self, reference: &Reference) -> Result<Option<Cow<'_, str>>, BadValue> {
        match reference {
            Reference::Variable(name) if name == "A" => Ok(Some("$A ${A}".into())),
            Reference::Variable(name) if name == "EMPTY" => Ok(Some("".into())),
            Reference::Variable(name) if name == "BAD" => Err(BadValue::new("bad", "")),
            Reference::Output { task, key } if task == "t-1 x.y" && key == "KEY" => Ok(Some("out".into())),
            Reference::Hash { files } => Ok(Some(format!("#{files}").into())),
            _ => Ok(None),
        }
    }
}

fn resolve(text: &str) -> Result<String, String> {
    let template = Template::parse(text).map_err(|error| format!("{}: {error}", error.at))?;
    template.resolve(&Values).map_err(|error| error.to_string())
}

#[test]
fn every_form_is_replaced_once() {
    for (text, expected) in [
        ("", ""),
        ("plain", "plain"),
        ("$A", "$A ${A}"),
        ("x${A}y", "x$A ${A}y"),
        ("$A-b", "$A ${A}-b"),
        ("$$A $${A} $$$$", "$A ${A} $$"),
        ("$$$A", "$$A ${A}"),
        ("${NONE:-def}", "def"),
        ("${EMPTY:-def}|${EMPTY}", "def|"),
        ("${NONE:-}", ""),
        ("${NONE:-a:-b $x}", "a:-b $x"),
        ("${t-1 x.y.KEY}", "out"),
        ("${t-1 x.y.NONE:-1.5}", "1.5"),
        ("${hash:a.txt,b/*}", "#a.txt,b/*"),
        ("é${A}🦀", "é$A ${A}🦀"),
    ] {
        assert_eq!(resolve(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn a_value_that_is_not_there_is_an_error_with_advice() {
    let error = Template::parse("x ${NONE}").unwrap().resolve(&Values).unwrap_err();
    assert_eq!(error.message, "${NONE} in \"x ${NONE}\" has no value");
    assert!(error.advice.contains("${NONE:-default}"));
    assert_eq!(resolve("$BAD"), Err("bad".to_owned()));
    assert_eq!(resolve("${BAD:-x}"), Err("bad".to_owned()), "a default is for what is missing, not for what is wrong");
}

#[test]
fn what_is_not_understood_is_told_with_its_offset() {
    for (text, at) in [
        ("a$", 1),
        ("ab$1", 2),
        ("$(id)", 0),
        ("x${A", 1),
        ("${}", 2),
        ("é${a b}", 4),
        ("${.K}", 2),
        ("${t.1}", 2),
        ("${hash: }", 2),
        ("$-", 0),
    ] {
        assert_eq!(Template::parse(text).unwrap_err().at, at, "{text}");
    }
}

#[test]
fn references_tell_what_is_asked_for() {
    let template = Template::parse("$A ${t.K:-x} ${hash:f}").unwrap();
    let shown: Vec<String> = template.references().map(|(to, default)| format!("{to} {default}")).collect();
    assert_eq!(shown, ["${A} false", "${t.K} true", "${hash:f} false"]);
}
