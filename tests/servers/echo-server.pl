#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# echo.thrift served by stock Perl Thrift: ForkingServer, one process per connection, so that what
# run() counts is a connection's own. The command line is that of the other servers as far as
# README.md beside this file says, and --gen DIR, where the generated files are; without it PERL5LIB
# must say so.
#
# The first process accepts, and waits for the end beside it: EOF on stdin or SIGTERM. It kills the
# connections that are left: they may be in the middle of a call.

use 5.10.0;
use strict;
use warnings;

use Getopt::Long qw(:config no_auto_abbrev);
use IO::Handle;
use IO::Select;
use POSIX ':sys_wait_h';
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes ();

use Thrift;
use Thrift::BinaryProtocol;
use Thrift::BufferedTransport;
use Thrift::FramedTransport;
use Thrift::MultiplexedProcessor;
use Thrift::Server;
use Thrift::ServerSocket;

my $COUNT_MAX   = 5_000_000;
my $TAKE_MAX_MS = 60_000;

my %options = (
    name       => 'perl',
    transport  => 'framed',
    protocol   => 'binary',
    'delay-us' => 0,
    listen     => 'tcp',
);

if (!GetOptions(\%options, 'name=s', 'transport=s', 'protocol=s', 'multiplexed=s', 'delay-us=i',
        'listen=s', 'gen=s')
    || @ARGV
    || $options{transport} !~ /^(framed|buffered)\z/
    || $options{protocol} !~ /^(binary|compact)\z/
    || $options{listen} ne 'tcp')
{
    print STDERR "usage: $0 [--name NAME] [--transport framed|buffered] [--protocol binary|compact]"
        . " [--multiplexed NAME] [--delay-us N] [--listen tcp] [--gen DIR]\n";
    exit 2;
}
# Debian's library has none: this ends here, and the day that it does not, the tests will say so.
require Thrift::CompactProtocol if $options{protocol} eq 'compact';
unshift @INC, $options{gen} if defined $options{gen};
{
    local $SIG{__WARN__} = sub { };    # generated code declares the same name twice
    require Echo;
}

package EchoHandler;

our @ISA = ('EchoIf');

sub new { return bless({ counts => {} }, shift) }

sub who { return $options{name} }

sub add
{
    my ($self, $a, $b) = @_;

    Time::HiRes::usleep($options{'delay-us'}) if $options{'delay-us'} > 0;
    return ($a + $b + 2**31) % 2**32 - 2**31;
}

sub ping { return }

# an argument left out is empty, as for the other servers
sub echo_string { return $_[1] // '' }
sub echo_binary { return $_[1] // '' }

for my $type (
    qw(bool byte i16 i32 i64 double color point tree strict list map))
{
    no strict 'refs';
    *{"echo_$type"} = sub { return $_[1] };
}

# a set is read as a hash and written from an array
sub echo_set { return [keys %{ $_[1] }] }

sub echo_everything
{
    my ($self, $value) = @_;

    for my $field (grep { defined $value->{$_} } qw(i32_set string_set)) {
        $value->{$field} = [keys %{ $value->{$field} }];
    }
    return $value;
}

sub checked
{
    my $count = shift;

    die "count $count is out of range\n" if $count < 0 || $count > $COUNT_MAX;
    return $count;
}

sub samples
{
    return [map { Sample->new({ id => $_, name => "sample-$_", value => $_ * 0.5 }) }
            0 .. checked($_[1]) - 1];
}

sub numbers { return [0 .. checked($_[1]) - 1] }

sub words { return [map { "word-$_" } 0 .. checked($_[1]) - 1] }

sub blob
{
    my $size = checked($_[1]);

    return substr(pack('C*', 0 .. 255) x ($size / 256 + 1), 0, $size);
}

sub take
{
    my ($self, $milliseconds, $value) = @_;

    $milliseconds = $TAKE_MAX_MS if $milliseconds > $TAKE_MAX_MS;
    Time::HiRes::usleep(1000 * $milliseconds) if $milliseconds > 0;
    return $value;
}

sub fail
{
    my ($self, $code) = @_;

    die Rejected->new({ reason => 'rejected', code => 1 }) if $code == 1;
    die NotFound->new({ key => 'missing' }) if $code == 2;
    die "fail: code $code\n" if $code != 0;
    return 0;
}

sub run { return ++$_[0]{counts}{ $_[1] } }

sub executions { return $_[0]{counts}{ $_[1] } // 0 }

sub note { return ++$_[0]{counts}{ $_[1] } }

# Tells where it listens; the kernel chose the port. Waits for connections and the end at once.
package ListeningSocket;

our @ISA = ('Thrift::ServerSocket');

sub listen
{
    my $self = shift;

    $self->SUPER::listen();
    # accepted sockets inherit it
    setsockopt($self->{handle}, Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1);
    say 'READY tcp://127.0.0.1:' . $self->{handle}->sockport();
    STDOUT->flush();
}

sub accept
{
    my $self   = shift;
    my $select = IO::Select->new($self->{handle}, \*STDIN);

    while (1) {
        for my $ready ($select->can_read()) {
            return $self->SUPER::accept() if $ready == $self->{handle};
            EchoServer::end() if !sysread(STDIN, my $ignored, 256);
        }
    }
}

# Knows the processes of its connections, which the stock one leaves to themselves.
package EchoServer;

our @ISA = ('Thrift::ForkingServer');

my %connections;

sub reap
{
    delete $connections{$_} for grep { waitpid($_, POSIX::WNOHANG) != 0 } keys %connections;
}

sub end
{
    reap();
    kill('KILL', keys %connections);
    POSIX::_exit(0);
}

sub serve
{
    my $self = shift;

    $SIG{CHLD} = \&reap;
    $SIG{TERM} = \&end;
    $self->{serverTransport}->listen();
    $self->_client($self->{serverTransport}->accept()) while 1;
}

sub _parent
{
    my ($self, $pid, @transports) = @_;

    $connections{$pid} = 1;
    reap(); # it may have ended before it was known
    $self->SUPER::_parent($pid, @transports);
}

sub _child
{
    my ($self, @rest) = @_;

    $SIG{TERM} = 'DEFAULT';
    open(STDOUT, '>', '/dev/null'); # whose end is that of the server, for who started it
    $self->SUPER::_child(@rest);
}

package main;

my $processor = EchoProcessor->new(EchoHandler->new());
if (defined $options{multiplexed}) {
    my $several = Thrift::MultiplexedProcessor->new();

    $several->registerProcessor($options{multiplexed}, $processor);
    $processor = $several;
}
my $transports
    = $options{transport} eq 'framed'
    ? Thrift::FramedTransportFactory->new()
    : Thrift::BufferedTransportFactory->new();
EchoServer->new($processor, ListeningSocket->new({ host => '127.0.0.1', port => 0 }),
    $transports, "Thrift::\u$options{protocol}ProtocolFactory"->new())->serve();
