// SPDX-License-Identifier: Apache-2.0
//
// echo.thrift served by stock Go Thrift: TSimpleServer, which has a goroutine for each connection.
// The command line is that of the other servers as far as README.md beside this file says.
//
// The main goroutine waits for the end, EOF on stdin or SIGTERM; another one accepts.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"echo"
	"github.com/apache/thrift/lib/go/thrift"
)

const (
	countMax     = 5000000
	takeMaxMs    = 60000
	frameSizeMax = 100 * 1024 * 1024
)

type options struct {
	name        string
	transport   string
	protocol    string
	multiplexed string
	listen      string
	delay       time.Duration
}

func parseOptions() options {
	var o options

	flag.StringVar(&o.name, "name", "go", "what who() answers")
	flag.StringVar(&o.transport, "transport", "framed", "framed or buffered")
	flag.StringVar(&o.protocol, "protocol", "binary", "binary or compact")
	flag.StringVar(&o.multiplexed, "multiplexed", "", "the name among several services")
	flag.StringVar(&o.listen, "listen", "tcp", "tcp")
	delayUs := flag.Uint("delay-us", 0, "each add() takes that long")
	flag.Parse()
	o.delay = time.Duration(*delayUs) * time.Microsecond
	if flag.NArg() != 0 || (o.transport != "framed" && o.transport != "buffered") ||
		(o.protocol != "binary" && o.protocol != "compact") || o.listen != "tcp" {
		flag.Usage()
		os.Exit(2)
	}
	return o
}

type handler struct {
	options options
	mutex   sync.Mutex
	counts  map[string]int32 // under mutex
}

func checked(count int32) (int, error) {
	if count < 0 || count > countMax {
		return 0, fmt.Errorf("count %d is out of range", count)
	}
	return int(count), nil
}

func (h *handler) Who(ctx context.Context) (string, error) { return h.options.name, nil }

func (h *handler) Add(ctx context.Context, a int32, b int32) (int32, error) {
	if h.options.delay > 0 {
		time.Sleep(h.options.delay)
	}
	return a + b, nil
}

func (h *handler) Ping(ctx context.Context) error { return nil }

func (h *handler) EchoBool(ctx context.Context, v bool) (bool, error)         { return v, nil }
func (h *handler) EchoByte(ctx context.Context, v int8) (int8, error)         { return v, nil }
func (h *handler) EchoI16(ctx context.Context, v int16) (int16, error)        { return v, nil }
func (h *handler) EchoI32(ctx context.Context, v int32) (int32, error)        { return v, nil }
func (h *handler) EchoI64(ctx context.Context, v int64) (int64, error)        { return v, nil }
func (h *handler) EchoDouble(ctx context.Context, v float64) (float64, error) { return v, nil }
func (h *handler) EchoString(ctx context.Context, v string) (string, error)   { return v, nil }
func (h *handler) EchoList(ctx context.Context, v []int32) ([]int32, error)   { return v, nil }
func (h *handler) EchoSet(ctx context.Context, v []int32) ([]int32, error)    { return v, nil }

func (h *handler) EchoColor(ctx context.Context, v echo.Color) (echo.Color, error) {
	return v, nil
}

func (h *handler) EchoPoint(ctx context.Context, v *echo.Point) (*echo.Point, error) {
	return v, nil
}

func (h *handler) EchoTree(ctx context.Context, v *echo.Tree) (*echo.Tree, error) {
	return v, nil
}

func (h *handler) EchoStrict(ctx context.Context, v *echo.Strict) (*echo.Strict, error) {
	return v, nil
}

func (h *handler) EchoEverything(ctx context.Context, v *echo.Everything) (*echo.Everything, error) {
	return v, nil
}

func (h *handler) EchoMap(ctx context.Context, v map[string]int32) (map[string]int32, error) {
	return v, nil
}

// An argument left out is empty, as for the other servers: nil would be no result.
func (h *handler) EchoBinary(ctx context.Context, v []byte) ([]byte, error) {
	if v == nil {
		v = []byte{}
	}
	return v, nil
}

func (h *handler) Samples(ctx context.Context, count int32) ([]*echo.Sample, error) {
	n, err := checked(count)
	samples := make([]*echo.Sample, n)
	for i := range samples {
		samples[i] = &echo.Sample{
			ID: int32(i), Name: fmt.Sprintf("sample-%d", i), Value: float64(i) * 0.5,
		}
	}
	return samples, err
}

func (h *handler) Numbers(ctx context.Context, count int32) ([]int32, error) {
	n, err := checked(count)
	numbers := make([]int32, n)
	for i := range numbers {
		numbers[i] = int32(i)
	}
	return numbers, err
}

func (h *handler) Words(ctx context.Context, count int32) ([]string, error) {
	n, err := checked(count)
	words := make([]string, n)
	for i := range words {
		words[i] = fmt.Sprintf("word-%d", i)
	}
	return words, err
}

func (h *handler) Blob(ctx context.Context, size int32) ([]byte, error) {
	n, err := checked(size)
	blob := make([]byte, n)
	for i := range blob {
		blob[i] = byte(i)
	}
	return blob, err
}

func (h *handler) Take(ctx context.Context, milliseconds int32, value int32) (int32, error) {
	if milliseconds > takeMaxMs {
		milliseconds = takeMaxMs
	}
	time.Sleep(time.Duration(milliseconds) * time.Millisecond)
	return value, nil
}

func (h *handler) Fail(ctx context.Context, code int32) (int32, error) {
	switch code {
	case 0:
		return 0, nil
	case 1:
		return 0, &echo.Rejected{Reason: "rejected", Code: 1}
	case 2:
		return 0, &echo.NotFound{Key: "missing"}
	}
	return 0, fmt.Errorf("fail: code %d", code)
}

// more is added to the count of request; returns the new count
func (h *handler) count(request string, more int32) int32 {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.counts[request] += more
	return h.counts[request]
}

func (h *handler) Run(ctx context.Context, request string) (int32, error) {
	return h.count(request, 1), nil
}

func (h *handler) Executions(ctx context.Context, request string) (int32, error) {
	return h.count(request, 0), nil
}

func (h *handler) Note(ctx context.Context, request string) error {
	h.count(request, 1)
	return nil
}

func makeServer(o options) (*thrift.TSimpleServer, *thrift.TServerSocket, error) {
	var processor thrift.TProcessor = echo.NewEchoProcessor(
		&handler{options: o, counts: map[string]int32{}})
	var protocols thrift.TProtocolFactory
	var transports thrift.TTransportFactory
	configuration := &thrift.TConfiguration{MaxFrameSize: frameSizeMax}

	socket, err := thrift.NewTServerSocket("127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	if o.protocol == "binary" {
		protocols = thrift.NewTBinaryProtocolFactoryConf(configuration)
	} else {
		protocols = thrift.NewTCompactProtocolFactoryConf(configuration)
	}
	if o.transport == "framed" {
		transports = thrift.NewTFramedTransportFactoryConf(thrift.NewTTransportFactory(), configuration)
	} else {
		transports = thrift.NewTBufferedTransportFactory(4096)
	}
	if o.multiplexed != "" {
		several := thrift.NewTMultiplexedProcessor()
		several.RegisterProcessor(o.multiplexed, processor)
		processor = several
	}
	server := thrift.NewTSimpleServer4(processor, socket, transports, protocols)
	server.SetLogger(thrift.NopLogger) // failures that tests ask for are no news
	return server, socket, nil
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "echo-server-go:", err)
	os.Exit(1)
}

func main() {
	server, socket, err := makeServer(parseOptions())
	if err == nil {
		err = server.Listen()
	}
	if err != nil {
		fail(err)
	}
	fmt.Printf("READY tcp://%s\n", socket.Addr())
	go func() {
		err := server.AcceptLoop()
		if err == nil {
			err = errors.New("accepts no longer")
		}
		fail(err)
	}()

	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		ended <- syscall.SIGTERM
	}()
	<-ended
	os.Exit(0) // connections may be in the middle of a call: do not wait for them
}
