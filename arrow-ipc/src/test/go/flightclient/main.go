// flightclient HOST:PORT OPERATION puts a table to a Flight server, gets it back, runs an operation on
// it that gives every element back, and deletes it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const rows = 1000

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func layers() arrow.Record {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "name", Type: arrow.BinaryTypes.String},
		{Name: "data", Type: arrow.ListOf(arrow.PrimitiveTypes.Float32)},
	}, nil)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	data := builder.Field(1).(*array.ListBuilder)
	for row := 0; row < rows; row++ {
		builder.Field(0).(*array.StringBuilder).Append(fmt.Sprintf("layer %d", row))
		data.Append(true)
		for i := 0; i < row%7; i++ {
			data.ValueBuilder().(*array.Float32Builder).Append(float32(row + i))
		}
	}
	return builder.NewRecord()
}

func put(ctx context.Context, client flight.Client, record arrow.Record) {
	stream, err := client.DoPut(ctx)
	check(err)
	writer := flight.NewRecordWriter(stream, ipc.WithSchema(record.Schema()))
	writer.SetFlightDescriptor(&flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: []string{"go"}})
	check(writer.Write(record))
	check(writer.Close())
	check(stream.CloseSend())
	for {
		if _, err := stream.Recv(); errors.Is(err, io.EOF) {
			return
		} else {
			check(err)
		}
	}
}

func get(ctx context.Context, client flight.Client, expected arrow.Record) {
	stream, err := client.DoGet(ctx, &flight.Ticket{Ticket: []byte("go")})
	check(err)
	reader, err := flight.NewRecordReader(stream)
	check(err)
	defer reader.Release()
	if !reader.Next() || !array.RecordEqual(reader.Record(), expected) {
		log.Fatal("the table did not come back as it was put: ", reader.Err())
	}
}

func exchange(ctx context.Context, client flight.Client, record arrow.Record) {
	stream, err := client.DoExchange(ctx)
	check(err)
	writer := flight.NewRecordWriter(stream, ipc.WithSchema(record.Schema()))
	writer.SetFlightDescriptor(&flight.FlightDescriptor{
		Type: flight.DescriptorCMD, Cmd: []byte(`{"operation":"` + os.Args[2] + `"}`)})
	check(writer.Write(record))
	check(writer.Close())
	check(stream.CloseSend())
	reader, err := flight.NewRecordReader(stream)
	check(err)
	defer reader.Release()
	values := record.Column(1).(*array.List).ListValues().(*array.Float32)
	found := 0
	for reader.Next() {
		data := reader.Record().Column(4).(*array.LargeBinary)
		for row := 0; row < data.Len(); row++ {
			for _, value := range arrow.Float32Traits.CastFromBytes(data.Value(row)) {
				if value != values.Value(found) {
					log.Fatalf("element %d is %v instead of %v", found, value, values.Value(found))
				}
				found++
			}
		}
	}
	check(reader.Err())
	if found != values.Len() {
		log.Fatalf("%d elements came back of %d", found, values.Len())
	}
}

func main() {
	ctx := context.Background()
	client, err := flight.NewClientWithMiddleware(
		os.Args[1], nil, nil, grpc.WithTransportCredentials(insecure.NewCredentials()))
	check(err)
	defer client.Close()
	record := layers()
	defer record.Release()
	put(ctx, client, record)
	info, err := client.GetFlightInfo(
		ctx, &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: []string{"go"}})
	check(err)
	if info.TotalRecords != rows {
		log.Fatalf("%d rows are told", info.TotalRecords)
	}
	get(ctx, client, record)
	exchange(ctx, client, record)
	actions, err := client.DoAction(ctx, &flight.Action{Type: "delete", Body: []byte("go")})
	check(err)
	if _, err := actions.Recv(); !errors.Is(err, io.EOF) {
		log.Fatal(err)
	}
	fmt.Println("ok")
}
