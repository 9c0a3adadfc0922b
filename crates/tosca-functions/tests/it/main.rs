//! TOSCA's functions, through their boundary: calls in hand-made graphs, and schemas.

mod coercion;
mod custom;
mod dependencies;
mod estate;
mod functions;
mod mistakes;
mod paths;
mod queries;
mod shop;
mod signatures;
mod special;
