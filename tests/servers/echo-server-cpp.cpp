// SPDX-License-Identifier: Apache-2.0
//
// echo.thrift served by stock C++ Thrift: TThreadedServer, one thread per connection.
// What the command line, READY line and end of the servers are: README.md beside this file.
//
// The main thread waits for the end (EOF on stdin, SIGTERM), a second one accepts. SIGTERM is
// blocked everywhere and read from a signalfd, so no handler runs beside anything.

#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/processor/TMultiplexedProcessor.h>
#include <thrift/protocol/TCompactProtocol.h>
#include <thrift/server/TThreadedServer.h>
#include <thrift/transport/TBufferTransports.h>
#include <thrift/transport/TServerSocket.h>

#include "Echo.h"
#include "echo-tally.h"

using namespace apache::thrift;

namespace {

constexpr int BACKLOG = 4096;
constexpr int32_t COUNT_MAX = 5000000;
constexpr int32_t TAKE_MAX_MS = 60000;

struct Options {
  std::string name = "cpp";
  std::string transport = "framed";
  std::string protocol = "binary";
  std::string multiplexed; // the name among several services; empty: the only one
  std::string listen = "tcp";
  long delay_us = 0;
  long accept_delay_ms = 0;
  EchoTally *tally = nullptr; // nobody wants to know

  bool isUnix () const { return listen.compare (0, 5, "unix:") == 0; }
  std::string path () const { return listen.substr (5); }
};

class EchoHandler : public echo::EchoIf {
public:
  explicit EchoHandler (const Options &options) : options_ (options) {}

  void who (std::string &ret) override { ret = options_.name; }

  int32_t
  add (const int32_t a, const int32_t b) override
  {
    if (options_.delay_us > 0)
      std::this_thread::sleep_for (std::chrono::microseconds (options_.delay_us));
    return static_cast<int32_t> (static_cast<uint32_t> (a) + static_cast<uint32_t> (b));
  }

  void ping () override {}

  bool echo_bool (const bool value) override { return value; }
  int8_t echo_byte (const int8_t value) override { return value; }
  int16_t echo_i16 (const int16_t value) override { return value; }
  int32_t echo_i32 (const int32_t value) override { return value; }
  int64_t echo_i64 (const int64_t value) override { return value; }
  double echo_double (const double value) override { return value; }
  void echo_string (std::string &ret, const std::string &value) override { ret = value; }
  void echo_binary (std::string &ret, const std::string &value) override { ret = value; }
  echo::Color::type echo_color (const echo::Color::type value) override { return value; }
  void echo_point (echo::Point &ret, const echo::Point &value) override { ret = value; }
  void echo_tree (echo::Tree &ret, const echo::Tree &value) override { ret = value; }
  void
  echo_everything (echo::Everything &ret, const echo::Everything &value) override
  {
    ret = value;
  }

  void echo_strict (echo::Strict &ret, const echo::Strict &value) override { ret = value; }
  void echo_set (std::set<int32_t> &ret, const std::set<int32_t> &value) override { ret = value; }

  void
  echo_list (std::vector<int32_t> &ret, const std::vector<int32_t> &value) override
  {
    ret = value;
  }

  void
  echo_map (std::map<std::string, int32_t> &ret,
            const std::map<std::string, int32_t> &value) override
  {
    ret = value;
  }

  void
  samples (std::vector<echo::Sample> &ret, const int32_t count) override
  {
    ret.resize (checked (count));
    for (int32_t i = 0; i < count; i++)
      {
        auto &sample = ret[static_cast<size_t> (i)];

        sample.__set_id (i);
        sample.__set_name ("sample-" + std::to_string (i));
        sample.__set_value (i * 0.5);
      }
  }

  void
  numbers (std::vector<int32_t> &ret, const int32_t count) override
  {
    ret.resize (checked (count));
    for (int32_t i = 0; i < count; i++)
      ret[static_cast<size_t> (i)] = i;
  }

  void
  words (std::vector<std::string> &ret, const int32_t count) override
  {
    ret.resize (checked (count));
    for (int32_t i = 0; i < count; i++)
      ret[static_cast<size_t> (i)] = "word-" + std::to_string (i);
  }

  void
  blob (std::string &ret, const int32_t size) override
  {
    ret.resize (checked (size));
    for (int32_t i = 0; i < size; i++)
      ret[static_cast<size_t> (i)] = static_cast<char> (i & 0xff);
  }

  int32_t
  take (const int32_t milliseconds, const int32_t value) override
  {
    const int32_t bounded = std::clamp (milliseconds, 0, TAKE_MAX_MS);

    std::this_thread::sleep_for (std::chrono::milliseconds (bounded));
    return value;
  }

  int32_t
  fail (const int32_t code) override
  {
    if (code == 0)
      return 0;
    if (code == 1)
      {
        echo::Rejected rejected;

        rejected.__set_reason ("rejected");
        rejected.__set_code (1);
        throw rejected;
      }
    if (code == 2)
      {
        echo::NotFound not_found;

        not_found.__set_key ("missing");
        throw not_found;
      }
    throw std::runtime_error ("fail: code " + std::to_string (code));
  }

  int32_t
  run (const std::string &request) override
  {
    const std::lock_guard<std::mutex> guard (mutex_);

    return ++executions_[request];
  }

  int32_t
  executions (const std::string &request) override
  {
    const std::lock_guard<std::mutex> guard (mutex_);
    const auto found = executions_.find (request);

    return found == executions_.end () ? 0 : found->second;
  }

  void note (const std::string &request) override { run (request); }

private:
  static size_t
  checked (int32_t count)
  {
    if (count < 0 || count > COUNT_MAX)
      throw std::out_of_range ("count " + std::to_string (count) + " is out of range");
    return static_cast<size_t> (count);
  }

  const Options options_;
  std::mutex mutex_;
  std::map<std::string, int32_t> executions_; // under mutex_
};

// Tells where we listen; preServe() runs right after listen().
class Events : public server::TServerEventHandler {
public:
  Events (const Options &options, std::shared_ptr<transport::TServerSocket> socket)
    : options_ (options), socket_ (std::move (socket))
  {
  }

  void
  preServe () override
  {
    if (options_.isUnix ())
      std::cout << "READY unix:" << options_.path () << std::endl;
    else
      std::cout << "READY tcp://127.0.0.1:" << boundPort () << std::endl;
  }

  // runs on the connection's own thread, before its first request is read
  void *
  createContext (std::shared_ptr<protocol::TProtocol>,
                 std::shared_ptr<protocol::TProtocol>) override
  {
    echo_tally_enter (options_.tally);
    std::this_thread::sleep_for (std::chrono::milliseconds (options_.accept_delay_ms));
    return nullptr;
  }

  void
  deleteContext (void *, std::shared_ptr<protocol::TProtocol>,
                 std::shared_ptr<protocol::TProtocol>) override
  {
    echo_tally_leave (options_.tally);
  }

private:
  int
  boundPort () const
  {
    sockaddr_in address {};
    socklen_t length = sizeof address;

    if (getsockname (socket_->getSocketFD (), reinterpret_cast<sockaddr *> (&address), &length))
      throw std::runtime_error ("getsockname failed");
    return ntohs (address.sin_port);
  }

  const Options options_;
  const std::shared_ptr<transport::TServerSocket> socket_;
};

[[noreturn]] void
usage (const char *program)
{
  std::cerr << "usage: " << program
            << " [--name NAME] [--transport framed|buffered] [--protocol binary|compact]"
               " [--multiplexed NAME] [--delay-us N] [--listen tcp|unix:PATH]"
               " [--accept-delay-ms N] [--tally FILE]\n";
  std::exit (2);
}

long
parseNumber (const char *program, const char *text)
{
  char *end = nullptr;
  const long number = std::strtol (text, &end, 10);

  if (end == text || *end != '\0' || number < 0)
    usage (program);
  return number;
}

Options
parseOptions (int argc, char **argv)
{
  static const option table[] = {
    { "name", required_argument, nullptr, 'n' },
    { "transport", required_argument, nullptr, 't' },
    { "protocol", required_argument, nullptr, 'p' },
    { "multiplexed", required_argument, nullptr, 'm' },
    { "delay-us", required_argument, nullptr, 'd' },
    { "listen", required_argument, nullptr, 'l' },
    { "accept-delay-ms", required_argument, nullptr, 'a' },
    { "tally", required_argument, nullptr, 'y' },
    { nullptr, 0, nullptr, 0 },
  };
  Options options;
  int opt;

  while ((opt = getopt_long (argc, argv, "", table, nullptr)) != -1)
    switch (opt)
      {
      case 'n': options.name = optarg; break;
      case 't': options.transport = optarg; break;
      case 'p': options.protocol = optarg; break;
      case 'm': options.multiplexed = optarg; break;
      case 'd': options.delay_us = parseNumber (argv[0], optarg); break;
      case 'l': options.listen = optarg; break;
      case 'a': options.accept_delay_ms = parseNumber (argv[0], optarg); break;
      case 'y':
        options.tally = echo_tally_map (optarg);
        if (options.tally == nullptr)
          usage (argv[0]);
        break;
      default: usage (argv[0]);
      }

  if (optind != argc || (options.transport != "framed" && options.transport != "buffered")
      || (options.protocol != "binary" && options.protocol != "compact")
      || (options.listen != "tcp" && !(options.isUnix () && !options.path ().empty ())))
    usage (argv[0]);
  return options;
}

std::unique_ptr<server::TThreadedServer>
makeServer (const Options &options)
{
  std::shared_ptr<transport::TServerSocket> socket;
  std::shared_ptr<transport::TTransportFactory> transports;
  std::shared_ptr<protocol::TProtocolFactory> protocols;

  if (options.isUnix ())
    socket = std::make_shared<transport::TServerSocket> (options.path ());
  else
    socket = std::make_shared<transport::TServerSocket> ("127.0.0.1", 0);
  socket->setAcceptBacklog (BACKLOG);
  socket->setInterruptableChildren (false); // saves a poll per read; the end is _exit() anyhow
  if (!options.isUnix ())
    socket->setAcceptCallback ([] (int fd) {
      const int on = 1;
      setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    });

  if (options.transport == "framed")
    transports = std::make_shared<transport::TFramedTransportFactory> ();
  else
    transports = std::make_shared<transport::TBufferedTransportFactory> ();
  if (options.protocol == "binary")
    protocols = std::make_shared<protocol::TBinaryProtocolFactory> ();
  else
    protocols = std::make_shared<protocol::TCompactProtocolFactory> ();

  std::shared_ptr<apache::thrift::TProcessor> processor
      = std::make_shared<echo::EchoProcessor> (std::make_shared<EchoHandler> (options));
  if (!options.multiplexed.empty ())
    {
      auto several = std::make_shared<apache::thrift::TMultiplexedProcessor> ();
      several->registerProcessor (options.multiplexed, processor);
      processor = several;
    }
  auto server
      = std::make_unique<server::TThreadedServer> (processor, socket, transports, protocols);
  server->setServerEventHandler (std::make_shared<Events> (options, socket));
  return server;
}

void
unlinkStaleSocket (const Options &options)
{
  struct stat status;

  if (options.isUnix () && lstat (options.path ().c_str (), &status) == 0
      && S_ISSOCK (status.st_mode))
    unlink (options.path ().c_str ());
}

// returns on EOF on stdin and on SIGTERM
void
waitForEnd (int signals)
{
  pollfd fds[] = { { STDIN_FILENO, POLLIN, 0 }, { signals, POLLIN, 0 } };
  char buffer[256];

  for (;;)
    {
      if (poll (fds, 2, -1) < 0)
        continue;
      if (fds[1].revents != 0)
        return;
      if (fds[0].revents != 0 && read (STDIN_FILENO, buffer, sizeof buffer) <= 0)
        return;
    }
}

} // namespace

int
main (int argc, char **argv)
{
  const Options options = parseOptions (argc, argv);
  rlimit files;
  sigset_t mask;

  signal (SIGPIPE, SIG_IGN);
  sigemptyset (&mask);
  sigaddset (&mask, SIGTERM);
  pthread_sigmask (SIG_BLOCK, &mask, nullptr);
  const int signals = signalfd (-1, &mask, SFD_CLOEXEC);

  prctl (PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL); // --delay-us means it; threads inherit this
  if (getrlimit (RLIMIT_NOFILE, &files) == 0)
    {
      files.rlim_cur = files.rlim_max;
      setrlimit (RLIMIT_NOFILE, &files);
    }

  unlinkStaleSocket (options);
  const auto server = makeServer (options);
  std::thread accepting ([&server] {
    try
      {
        server->serve ();
      }
    catch (const std::exception &e)
      {
        std::cerr << "echo-server-cpp: " << e.what () << std::endl;
        _exit (1);
      }
  });

  waitForEnd (signals);
  unlinkStaleSocket (options);
  _exit (0); // connections may be in the middle of a call: do not wait for them
}
