//! The version with its commit, and what Windows shows of the program.

fn main() {
    spanbert_stamp::version();
    spanbert_stamp::windows_resource("spanbert", "SpanBERT on the command line");
}
