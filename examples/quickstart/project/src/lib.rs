//! Roman numerals, from 1 to 3999.

/// Symbols and their values, the greatest first; the pairs with a smaller symbol in front are symbols of their own.
const SYMBOLS: [(&str, u16); 13] = [
    ("M", 1000),
    ("CM", 900),
    ("D", 500),
    ("CD", 400),
    ("C", 100),
    ("XC", 90),
    ("L", 50),
    ("XL", 40),
    ("X", 10),
    ("IX", 9),
    ("V", 5),
    ("IV", 4),
    ("I", 1),
];

/// The numeral of a number; `None` when there is no such numeral.
pub fn to_roman(mut number: u16) -> Option<String> {
    if !(1..=3999).contains(&number) {
        return None;
    }
    let mut numeral = String::new();
    for (symbol, value) in SYMBOLS {
        while number >= value {
            numeral += symbol;
            number -= value;
        }
    }
    Some(numeral)
}

/// The number of a numeral; `None` when it is not written as it should be.
pub fn from_roman(numeral: &str) -> Option<u16> {
    let mut rest = numeral;
    let mut number = 0u16;
    for (symbol, value) in SYMBOLS {
        while let Some(shorter) = rest.strip_prefix(symbol) {
            number = number.checked_add(value)?;
            rest = shorter;
        }
    }
    // Whatever was read in another order, or too often, is written differently.
    (rest.is_empty() && to_roman(number).as_deref() == Some(numeral)).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_numerals() {
        assert_eq!(to_roman(2026).as_deref(), Some("MMXXVI"));
        assert_eq!(to_roman(1994).as_deref(), Some("MCMXCIV"));
        assert_eq!(to_roman(0), None);
        assert_eq!(to_roman(4000), None);
    }

    #[test]
    fn only_well_written_numerals_become_numbers() {
        assert_eq!(from_roman("XIV"), Some(14));
        for wrong in ["", "IIII", "VX", "ixi", "MMMM"] {
            assert_eq!(from_roman(wrong), None, "{wrong}");
        }
    }
}
