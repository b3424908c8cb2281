//! Translates between numbers and Roman numerals.

use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(argument) = std::env::args().nth(1) else {
        eprintln!("usage: roman NUMBER|NUMERAL|--version");
        return ExitCode::from(2);
    };
    if argument == "--version" {
        println!("{}", env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    let answer = match argument.parse() {
        Ok(number) => roman::to_roman(number),
        Err(_) => roman::from_roman(&argument).map(|number| number.to_string()),
    };
    match answer {
        Some(answer) => {
            println!("{answer}");
            ExitCode::SUCCESS
        }
        None => {
            eprintln!("{argument} is neither a number from 1 to 3999 nor a Roman numeral");
            ExitCode::FAILURE
        }
    }
}
