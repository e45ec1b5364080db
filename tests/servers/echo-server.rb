#!/usr/bin/ruby
# SPDX-License-Identifier: Apache-2.0
#
# echo.thrift served by stock Ruby Thrift: ThreadedServer, one thread per connection. The command
# line is that of the other servers as far as README.md beside this file says, and --gen DIR, where
# the generated files are; without it RUBYLIB must say so.

require 'optparse'
require 'thrift'

COUNT_MAX = 5_000_000
TAKE_MAX_MS = 60_000

def parse_options
  options = { name: 'ruby', transport: 'framed', protocol: 'binary', delay_us: 0, listen: 'tcp' }
  parser = OptionParser.new do |on|
    on.on('--name NAME')
    on.on('--transport TRANSPORT', %w[framed buffered])
    on.on('--protocol PROTOCOL', %w[binary compact])
    on.on('--multiplexed NAME')
    on.on('--delay-us N', OptionParser::DecimalInteger)
    on.on('--listen WHERE', %w[tcp])
    on.on('--gen DIR')
  end
  given = {}
  rest = parser.parse(ARGV, into: given)
  raise OptionParser::NeedlessArgument, rest.first unless rest.empty?

  options.merge(given.transform_keys { |key| key.to_s.tr('-', '_').to_sym })
rescue OptionParser::ParseError => e
  warn e.message, parser.help
  exit 2
end

OPTIONS = parse_options.freeze
$LOAD_PATH.unshift(OPTIONS[:gen]) if OPTIONS[:gen]
require 'echo'

class EchoHandler
  def initialize
    @mutex = Mutex.new
    @counts = Hash.new(0) # under @mutex
  end

  def who
    OPTIONS[:name]
  end

  def add(a, b)
    sleep(OPTIONS[:delay_us] / 1e6) if OPTIONS[:delay_us].positive?
    (a + b + 2**31) % 2**32 - 2**31
  end

  def ping; end

  %i[bool byte i16 i32 i64 double color point tree everything strict list set map].each do |type|
    define_method("echo_#{type}") { |value| value }
  end

  # an argument left out is empty, as for the other servers
  %i[string binary].each do |type|
    define_method("echo_#{type}") { |value| value || '' }
  end

  def samples(count)
    Array.new(checked(count)) { |i| Sample.new(id: i, name: "sample-#{i}", value: i * 0.5) }
  end

  def numbers(count)
    Array.new(checked(count)) { |i| i }
  end

  def words(count)
    Array.new(checked(count)) { |i| "word-#{i}" }
  end

  def blob(size)
    ((0..255).to_a.pack('C*') * (checked(size) / 256 + 1)).byteslice(0, size)
  end

  def take(milliseconds, value)
    sleep(milliseconds.clamp(0, TAKE_MAX_MS) / 1e3)
    value
  end

  def fail(code)
    case code
    when 0 then 0
    when 1 then raise Rejected.new(reason: 'rejected', code: 1)
    when 2 then raise NotFound, 'missing'
    else raise "fail: code #{code}"
    end
  end

  def run(request)
    @mutex.synchronize { @counts[request] += 1 }
  end

  def executions(request)
    @mutex.synchronize { @counts[request] }
  end

  def note(request)
    run(request)
  end

  private

  def checked(count)
    raise "count #{count} is out of range" unless count.between?(0, COUNT_MAX)

    count
  end
end

# Tells where it listens; the kernel chose the port.
class ListeningSocket < Thrift::ServerSocket
  def listen
    super
    # accepted sockets inherit it
    @handle.setsockopt(::Socket::IPPROTO_TCP, ::Socket::TCP_NODELAY, 1)
    puts "READY tcp://127.0.0.1:#{@handle.local_address.ip_port}"
    $stdout.flush
  end
end

def make_server
  transports = {
    'framed' => Thrift::FramedTransportFactory,
    'buffered' => Thrift::BufferedTransportFactory
  }
  protocols = {
    'binary' => Thrift::BinaryProtocolAcceleratedFactory,
    'compact' => Thrift::CompactProtocolFactory
  }
  processor = Echo::Processor.new(EchoHandler.new)
  if OPTIONS[:multiplexed]
    several = Thrift::MultiplexedProcessor.new
    several.register_processor(OPTIONS[:multiplexed], processor)
    processor = several
  end
  Thrift::ThreadedServer.new(processor, ListeningSocket.new('127.0.0.1', 0),
                             transports[OPTIONS[:transport]].new, protocols[OPTIONS[:protocol]].new)
end

Thread.report_on_exception = false # failures that tests ask for are no news
trap('TERM') { exit!(0) } # connections may be in the middle of a call: do not wait for them
Thread.new do
  make_server.serve
rescue StandardError => e
  warn "echo-server.rb: #{e.message}"
  exit!(1)
end
nil while $stdin.read(256)
exit!(0)
