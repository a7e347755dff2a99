import { type DescFile, type DescService, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import type { Server } from '@grpc/grpc-js';
import type { PackageDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';

const withDependencies = (file: DescFile): DescFile[] => [
  ...file.dependencies.flatMap(withDependencies),
  file,
];

/** Lets tools like grpcurl ask what there is to call. */
export const serveReflection = (server: Server, services: readonly DescService[]): void => {
  const files = new Set(services.flatMap(({ file }) => withDependencies(file)));
  const fileDescriptorProtos = [...files].map(({ proto }) =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, proto)),
  );
  // Of the definition the library reads nothing but these.
  const definition = { files: { fileDescriptorProtos } } as unknown as PackageDefinition;
  new ReflectionService(definition, {
    services: services.map(({ typeName }) => typeName),
  }).addToServer(server);
};
