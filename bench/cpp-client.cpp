// SPDX-License-Identifier: Apache-2.0
//
// C++ Thrift's generated client behind C functions, so that it takes turns with the others in one
// process.  No exception leaves this file.

#include "cpp-client.h"

#include <cstdio>
#include <memory>
#include <vector>

#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>
#include <thrift/transport/TSocket.h>

#include "Echo.h"

using namespace apache::thrift;

struct CppClient {
  std::shared_ptr<transport::TFramedTransport> transport;
  std::unique_ptr<echo::EchoClient> echo;
  std::vector<echo::Sample> samples;
  std::vector<int32_t> numbers;

  CppClient (const char *host, int port)
  {
    auto socket = std::make_shared<transport::TSocket> (host, port);

    socket->setNoDelay (true);
    transport = std::make_shared<transport::TFramedTransport> (socket);
    echo = std::make_unique<echo::EchoClient> (
        std::make_shared<protocol::TBinaryProtocol> (transport));
    transport->open ();
  }

  void drop ()
  {
    std::vector<echo::Sample> ().swap (samples);
    std::vector<int32_t> ().swap (numbers);
  }
};

namespace {

template <typename Call>
int
attempt (Call call)
{
  try
    {
      call ();
      return 1;
    }
  catch (const std::exception &exception)
    {
      std::fprintf (stderr, "C++ client: %s\n", exception.what ());
      return 0;
    }
}

} // namespace

CppClient *
cpp_client_new (const char *host, unsigned port)
{
  CppClient *client = nullptr;

  attempt ([&] { client = new CppClient (host, static_cast<int> (port)); });
  return client;
}

void
cpp_client_free (CppClient *client)
{
  delete client;
}

int
cpp_client_add (CppClient *client, int32_t a, int32_t b, int32_t *ret_sum)
{
  return attempt ([&] { *ret_sum = client->echo->add (a, b); });
}

int
cpp_client_samples (CppClient *client, int32_t count, size_t *ret_n)
{
  return attempt ([&] {
    client->echo->samples (client->samples, count);
    *ret_n = client->samples.size ();
  });
}

int
cpp_client_numbers (CppClient *client, int32_t count, size_t *ret_n)
{
  return attempt ([&] {
    client->echo->numbers (client->numbers, count);
    *ret_n = client->numbers.size ();
  });
}

void
cpp_client_drop (CppClient *client)
{
  client->drop ();
}
