// Command copies reads Arrow files and streams with arrow-go and writes them again.
//
// Standard input holds a line for each: the path that is read, the path that is written in the same
// form (file or stream), and none, lz4, zstd, deltas or v4, separated by tabs. A line of standard output
// answers each: ok, or "reading: ..." or "writing: ..." with what arrow-go said.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
)

type content struct {
	schema  *arrow.Schema
	batches []arrow.RecordBatch
	isFile  bool
}

func isFile(source *os.File) (bool, error) {
	start := make([]byte, 6)
	if _, err := source.ReadAt(start, 0); err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return string(start) == "ARROW1", nil
}

func read(path string) (*content, error) {
	source, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	file, err := isFile(source)
	if err != nil {
		return nil, err
	}
	if file {
		return readFile(source)
	}
	return readStream(source)
}

func readFile(source *os.File) (*content, error) {
	reader, err := ipc.NewFileReader(source)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	found := &content{schema: reader.Schema(), isFile: true}
	for i := range reader.NumRecords() {
		batch, err := reader.RecordBatchAt(i)
		if err != nil {
			return nil, err
		}
		found.batches = append(found.batches, batch)
	}
	return found, nil
}

func readStream(source *os.File) (*content, error) {
	reader, err := ipc.NewReader(bufio.NewReader(source))
	if err != nil {
		return nil, err
	}
	found := &content{schema: reader.Schema()}
	for reader.Next() {
		batch := reader.RecordBatch()
		batch.Retain()
		found.batches = append(found.batches, batch)
	}
	return found, reader.Err()
}

func options(found *content, how string) []ipc.Option {
	chosen := []ipc.Option{ipc.WithSchema(found.schema)}
	switch how {
	case "lz4":
		chosen = append(chosen, ipc.WithLZ4())
	case "zstd":
		chosen = append(chosen, ipc.WithZstd())
	case "deltas":
		chosen = append(chosen, ipc.WithDictionaryDeltas(true))
	}
	return chosen
}

type batchWriter interface {
	Write(arrow.RecordBatch) error
	Close() error
}

func write(found *content, path, how string) error {
	if how == "v4" {
		return errors.New("no option for metadata V4")
	}
	target, err := os.Create(path)
	if err != nil {
		return err
	}
	defer target.Close()
	var writer batchWriter
	if found.isFile {
		if writer, err = ipc.NewFileWriter(target, options(found, how)...); err != nil {
			return err
		}
	} else {
		writer = ipc.NewWriter(target, options(found, how)...)
	}
	for _, batch := range found.batches {
		if err := writer.Write(batch); err != nil {
			return err
		}
	}
	return writer.Close()
}

// told does a step and names it in what it said, be it an error or a panic.
func told(step string, work func() error) (err error) {
	defer func() {
		if said := recover(); said != nil {
			err = fmt.Errorf("%s: panic: %v", step, said)
		}
	}()
	if err := work(); err != nil {
		return fmt.Errorf("%s: %w", step, err)
	}
	return nil
}

func copied(line string) error {
	words := strings.Split(line, "\t")
	var found *content
	if err := told("reading", func() (err error) { found, err = read(words[0]); return err }); err != nil {
		return err
	}
	return told("writing", func() error { return write(found, words[1], words[2]) })
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if err := copied(lines.Text()); err != nil {
			fmt.Println(strings.NewReplacer("\n", " ", "\t", " ").Replace(err.Error()))
		} else {
			fmt.Println("ok")
		}
	}
}
