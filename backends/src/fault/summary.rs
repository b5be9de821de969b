//! One readable sentence out of what a device's runtime says.
//!
//! CubeCL repeats an error for everything that failed because of it, with the debug form of its types, and tells a kernel
//! that does not compile with its whole source: tens of kilobytes. What a person needs is in the first of them.

/// Longest sentence, in characters.
const LONGEST: usize = 300;

/// What happened, in one line of at most [`LONGEST`] characters.
pub(super) fn summary(text: &str) -> String {
    let line = one_line(text);
    let text = essence(&line);
    let told = compile_error(text)
        .or_else(|| driver_error(text))
        .or_else(|| refused_allocation(text))
        .unwrap_or_else(|| first_cause(text));
    let told = shortened(&told);
    // What decides whether a smaller batch helps must not be lost.
    if super::is_out_of_memory(text) && !super::is_out_of_memory(&told) {
        return shortened(&format!("out of memory: {told}"));
    }
    told
}

/// Joins the lines of a message, so that it fits into a log line or a label.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The part of a message that says what happened: without the words of `unwrap`, and of CubeCL's empty backtrace.
fn essence(message: &str) -> &str {
    let unwrapped = message.strip_prefix("called `Result::unwrap()` on an `Err` value: ").unwrap_or(message);
    unwrapped.strip_suffix(" No backtrace available").unwrap_or(unwrapped)
}

/// A kernel that NVRTC does not take: its name and first error, without the source.
fn compile_error(text: &str) -> Option<String> {
    let (_, told) = text.split_once("[Compilation Error] ")?;
    let (log, source) = told.split_once("[Source]").unwrap_or((told, ""));
    // "default_program(12): error: identifier "x" is undefined y = x; ^ 1 error detected in the compilation of …"
    let error = log.split_once("error: ").map_or(log, |(_, error)| error);
    let ends = [" ^", " 1 error detected", " 1 catastrophic error detected", " errors detected"];
    let end = ends.iter().filter_map(|end| error.find(end)).min().unwrap_or(error.len());
    let kernel =
        kernel_name(source).map_or_else(|| "a kernel".to_owned(), |name| format!("the kernel {name}"));
    Some(format!("{kernel} does not compile: {}", error[..end].trim()))
}

/// The name of the kernel in a source: what follows its launch bounds.
fn kernel_name(source: &str) -> Option<&str> {
    let (_, rest) = source.split_once("__launch_bounds__(")?;
    let (_, rest) = rest.split_once(')')?;
    let name = rest.split_once('(')?.0.trim();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some(name)
}

/// An error of the CUDA driver: what it means, and its name.
fn driver_error(text: &str) -> Option<String> {
    let (_, error) = text.split_once("DriverError(")?;
    let (name, meaning) = error.split_once(", ")?;
    let meaning = meaning.trim_start_matches(['\\', '"']);
    // A driver that does not know its own code.
    if meaning.starts_with('<') {
        return Some(name.to_owned());
    }
    Some(format!("{} ({name})", meaning.split(['\\', '"']).next().unwrap_or(meaning)))
}

/// Memory that CubeCL could not get.
fn refused_allocation(text: &str) -> Option<String> {
    let (_, size) = text.split_once("can't allocate buffer of size: ")?;
    let size: String = size.chars().take_while(char::is_ascii_digit).collect();
    Some(format!("out of memory, {size} more bytes were wanted"))
}

/// The innermost cause of the first error in a list, without the names of types around it.
fn first_cause(text: &str) -> String {
    let cause = text.rsplit("Caused by: ").next().unwrap_or(text);
    let cause = cause.split("No backtrace available").next().unwrap_or(cause).trim();
    let cause = ["Backtrace:", "Backtrace"]
        .iter()
        .fold(cause, |cause, word| cause.strip_suffix(word).unwrap_or(cause));
    let mut cause = cause.trim().trim_start_matches('[');
    for name in ["Io(", "Launch(", "Profile(", "Server("] {
        cause = cause.strip_prefix(name).unwrap_or(cause);
    }
    cause.to_owned()
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As CUDA's stand-in had CubeCL say them, cut in the middle.
    #[test]
    fn lists_of_errors_become_their_cause() {
        let illegal = "an illegal memory access was encountered (CUDA_ERROR_ILLEGAL_ADDRESS)";
        let unknown = "Io(Unknown error happened during execution\nNo backtrace available)";
        let driver = "DriverError(CUDA_ERROR_ILLEGAL_ADDRESS, \"an illegal memory access was encountered\")";
        let list = [unknown; 300].join(", ");
        for (text, told) in [
            (
                format!(
                    "An error happened during execution\nCaused by:\n  ServerUnhealthy {{ errors: [{list}, Launch(A \
                     compilation error happened during launch\nCaused by:\n  An error caused the compilation to fail\n\
                     Caused by:\n  Unable to load the PTX: {driver}\nBacktrace:\nNo backtrace available)], backtrace: No \
                     backtrace available }}"
                ),
                illegal,
            ),
            (format!("Can create a new stream.: {driver}"), illegal),
            (format!("a message in another: \"{}\"", driver.replace('"', "\\\"")), illegal),
            (
                format!("called `Result::unwrap()` on an `Err` value: {driver}"),
                illegal,
            ),
            (
                "DriverError(CUDA_ERROR_NO_BINARY_FOR_GPU, \"<Failure when calling cuGetErrorString()>\")".into(),
                "CUDA_ERROR_NO_BINARY_FOR_GPU",
            ),
            (
                format!("An error happened during execution\nCaused by:\n  {unknown}"),
                "Unknown error happened during execution",
            ),
            (
                format!("The server is in an invalid state\nCaused by:\n  [{list}]"),
                "Unknown error happened during execution",
            ),
            (
                "called `Result::unwrap()` on an `Err` value: can't allocate buffer of size: 262144\nNo backtrace \
                 available"
                    .into(),
                "out of memory, 262144 more bytes were wanted",
            ),
            ("device lost".into(), "device lost"),
        ] {
            assert_eq!(summary(&text), told, "{text}");
        }
    }

    #[test]
    fn a_kernel_that_does_not_compile_is_told_without_its_source() {
        let source = "#include <cuda_runtime.h>\nextern \"C\" __global__ void __launch_bounds__(32)elemwise_fuse (\n float* x) {}";
        let text = |log: &str| {
            format!(
                "The server is in an invalid state\nCaused by:\n  [Launch(A compilation error happened during \
                 launch\nCaused by:\n  An error caused the compilation to fail\nCaused by:\n  [Compilation Error] \
                 \n    {log}\n[Source]  \n{source}\nBacktrace:\nNo backtrace available)]"
            )
        };
        let told = summary(&text(
            "default_program(3): error: identifier \"y\" is undefined\n      x[0] = y;\n             ^\n\n1 error \
             detected in the compilation of \"default_program\".",
        ));
        assert_eq!(
            told,
            "the kernel elemwise_fuse does not compile: identifier \"y\" is undefined x[0] = y;"
        );
        let told = summary(&text("nvrtc: error: invalid value for --gpu-architecture (-arch)"));
        assert_eq!(
            told,
            "the kernel elemwise_fuse does not compile: invalid value for --gpu-architecture (-arch)"
        );
        assert!(summary(&format!("{} a", text(&"b ".repeat(4000)))).chars().count() <= LONGEST + 1);
    }

    #[test]
    fn any_message_is_short_and_a_lack_of_memory_stays_one() {
        for text in ["é".repeat(10_000), format!("{} out of memory", "x ".repeat(10_000)), String::new()] {
            let told = summary(&text);
            assert!(told.chars().count() <= LONGEST + 1, "{told}");
            assert_eq!(
                super::super::is_out_of_memory(&told),
                super::super::is_out_of_memory(&text),
                "{told}"
            );
        }
    }
}
