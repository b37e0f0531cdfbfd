"""Files of the customer's first program, a desktop app written in Rust, and their migration."""
