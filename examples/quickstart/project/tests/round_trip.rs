//! Every number, there and back.

#[test]
fn every_number_comes_back() {
    for number in 1..=3999 {
        let numeral = roman::to_roman(number).expect("there is a numeral");
        assert_eq!(roman::from_roman(&numeral), Some(number), "{numeral}");
    }
}
