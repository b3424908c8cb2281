//! Names for copies.

use crate::pipeline::name::MAX_NAME_CHARS;

/// The first free name that goes on from this one: `build` gives `build-2`, and `build-2` gives `build-3`.
pub(super) fn after(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let (stem, first) = numbered(name);
    // Among one more candidate than there are names one is free; names are fewer than numbers.
    (first..).map(|number| with_number(stem, number)).find(|candidate| !is_taken(candidate)).unwrap_or_default()
}

/// The name without its number, and the number that comes next.
fn numbered(name: &str) -> (&str, u64) {
    let parts = name.rsplit_once('-').filter(|(stem, digits)| {
        !stem.is_empty() && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    // A number that fills all digits of the machine is no counter.
    let number = parts.and_then(|(stem, digits)| Some((stem, digits.parse::<u32>().ok()?)));
    number.map_or((name, 2), |(stem, number)| (stem, u64::from(number) + 1))
}

fn with_number(stem: &str, number: u64) -> String {
    let end = format!("-{number}");
    let room = MAX_NAME_CHARS.saturating_sub(end.len());
    let stem: String = stem.chars().take(room).collect();
    format!("{}{end}", stem.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_goes_on_where_the_name_left_it() {
        let free = |name, taken: &[&str]| after(name, |candidate| taken.contains(&candidate));
        assert_eq!(free("build", &[]), "build-2");
        assert_eq!(free("build", &["build-2", "build-3"]), "build-4");
        assert_eq!(free("build-2", &["build"]), "build-3");
        assert_eq!(free("build-9", &["build-10"]), "build-11");
        assert_eq!(free("größe", &[]), "größe-2");
    }

    #[test]
    fn what_is_no_number_belongs_to_the_name() {
        let free = |name| after(name, |_| false);
        assert_eq!(free("build-x"), "build-x-2");
        assert_eq!(free("build-"), "build--2");
        assert_eq!(free("-2"), "-2-2");
        assert_eq!(free("release-007"), "release-007-2");
        assert_eq!(free("at-99999999999999999999"), "at-99999999999999999999-2");
    }

    #[test]
    fn a_long_name_makes_room_for_its_number() {
        let long = "é".repeat(MAX_NAME_CHARS);
        let copy = after(&long, |_| false);
        assert_eq!(copy, format!("{}-2", "é".repeat(MAX_NAME_CHARS - 2)));
        assert_eq!(after(&copy, |candidate| candidate == copy), format!("{}-3", "é".repeat(MAX_NAME_CHARS - 2)));
        let spaced = format!("{} {}", "a".repeat(97), "bc");
        assert_eq!(after(&spaced, |_| false), format!("{}-2", "a".repeat(97)));
    }
}
