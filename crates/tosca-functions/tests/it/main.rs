//! TOSCA's functions, through their boundary: calls in hand-made graphs, and schemas.

mod coercion;
mod functions;
mod paths;
mod shop;
mod special;
