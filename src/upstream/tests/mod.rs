//! The way to applications, tried on scripted ones that count their connections and misbehave.

mod framing;
mod harness;
mod reuse;
mod trouble;
