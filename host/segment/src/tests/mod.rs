mod declared;
mod faults;
mod generate;
mod incremental;
mod language;
mod world;
