//! Entry point of the `drover` command.

fn main() {}
