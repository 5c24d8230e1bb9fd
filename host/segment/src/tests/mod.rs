mod declared;
mod explain;
mod faults;
mod generate;
mod incremental;
mod language;
mod world;
