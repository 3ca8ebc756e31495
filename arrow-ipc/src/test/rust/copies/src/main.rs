//! Reads Arrow files and streams with arrow-rs and writes them again.
//!
//! Standard input holds a line for each: the path that is read, the path that is written in the same
//! form (file or stream), and `none`, `lz4`, `zstd`, `deltas` or `v4`, separated by tabs. A line of
//! standard output answers each: `ok`, or `reading: ...` or `writing: ...` with what arrow-rs said.

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_ipc::writer::{DictionaryHandling, FileWriter, IpcWriteOptions, StreamWriter};
use arrow_ipc::{CompressionType, MetadataVersion};
use arrow_schema::{ArrowError, SchemaRef};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::panic::{self, AssertUnwindSafe};

struct Content {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    is_file: bool,
}

fn is_file(path: &str) -> io::Result<bool> {
    let mut start = Vec::new();
    File::open(path)?.take(6).read_to_end(&mut start)?;
    Ok(start == b"ARROW1")
}

fn all(reader: impl RecordBatchReader, is_file: bool) -> Result<Content, ArrowError> {
    let schema = reader.schema();
    let batches = reader.collect::<Result<Vec<_>, _>>()?;
    Ok(Content { schema, batches, is_file })
}

fn read(path: &str) -> Result<Content, ArrowError> {
    let source = BufReader::new(File::open(path)?);
    if is_file(path)? {
        all(FileReader::try_new(source, None)?, true)
    } else {
        all(StreamReader::try_new(source, None)?, false)
    }
}

fn options(how: &str) -> Result<IpcWriteOptions, ArrowError> {
    let options = IpcWriteOptions::default();
    match how {
        "lz4" => options.try_with_compression(Some(CompressionType::LZ4_FRAME)),
        "zstd" => options.try_with_compression(Some(CompressionType::ZSTD)),
        "v4" => IpcWriteOptions::try_new(64, false, MetadataVersion::V4),
        "deltas" => Ok(options.with_dictionary_handling(DictionaryHandling::Delta)),
        _ => Ok(options),
    }
}

fn write(content: &Content, path: &str, how: &str) -> Result<(), ArrowError> {
    let sink = BufWriter::new(File::create(path)?);
    if content.is_file {
        let mut writer = FileWriter::try_new_with_options(sink, &content.schema, options(how)?)?;
        content.batches.iter().try_for_each(|batch| writer.write(batch))?;
        writer.finish()
    } else {
        let mut writer = StreamWriter::try_new_with_options(sink, &content.schema, options(how)?)?;
        content.batches.iter().try_for_each(|batch| writer.write(batch))?;
        writer.finish()
    }
}

/// What a step gives, or what it said, be it an error or a panic.
fn told<T>(step: &str, work: impl FnOnce() -> Result<T, ArrowError>) -> Result<T, String> {
    let said = match panic::catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => match panic.downcast_ref::<String>() {
            Some(text) => format!("panic: {text}"),
            None => format!("panic: {}", panic.downcast_ref::<&str>().unwrap_or(&"?")),
        },
    };
    Err(format!("{step}: {}", said.replace(['\n', '\t'], " ")))
}

fn copied(line: &str) -> Result<(), String> {
    let words: Vec<&str> = line.split('\t').collect();
    let content = told("reading", || read(words[0]))?;
    told("writing", || write(&content, words[1], words[2]))
}

fn main() -> io::Result<()> {
    panic::set_hook(Box::new(|_| {}));
    let mut answers = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        match copied(&line?) {
            Ok(()) => writeln!(answers, "ok")?,
            Err(said) => writeln!(answers, "{said}")?,
        }
    }
    Ok(())
}
