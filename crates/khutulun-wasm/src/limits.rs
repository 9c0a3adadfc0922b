//! How much a plugin may use.

/// What a call of a plugin may use before it is stopped. Time comes with the operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a plugin may compute between two requests to the host, in milliseconds of its thread's own time. Plugins ask and
    /// decide; one that computes for half a minute loops.
    pub computing_ms_max: u64,
    /// How large its memory may grow, in bytes. Values and the output of commands pass through it.
    pub memory_bytes_max: usize,
    /// How many elements a table may have: about one for each function that is called through a pointer.
    pub table_elements_max: usize,
    /// How many calls run at once, over all plugins; more wait. Bounds the address space that is reserved.
    pub calls_max: usize,
    /// How many requests a call may make of the host.
    pub requests_max: u32,
    /// How many bytes one request may hand to the host.
    pub request_bytes_max: usize,
    /// How many bytes the host answers to one request: a file, a body, an output.
    pub response_bytes_max: usize,
    /// How many lines a call may log; the rest is dropped, and the report says so.
    pub log_lines_max: u32,
    /// How long a line of the log may be, in bytes; the rest is cut.
    pub log_line_bytes_max: usize,
    /// How large a component may be, in bytes: compiling it takes time in proportion, and cannot be interrupted.
    pub component_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            computing_ms_max: 30_000,
            memory_bytes_max: 64 << 20,
            table_elements_max: 20_000,
            calls_max: 64,
            requests_max: 10_000,
            request_bytes_max: 16 << 20,
            response_bytes_max: 16 << 20,
            log_lines_max: 1_000,
            log_line_bytes_max: 4 << 10,
            component_bytes_max: 32 << 20,
        }
    }
}
